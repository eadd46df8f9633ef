//! A client of a server's API, which it uses like any other program.

pub mod documents;
pub mod log;
pub mod started;

use std::path::Path;
use std::time::Duration;

use actions::egress::{Client, Error, Policy, Request};
use actions::host::Limits;
use clap::Args;
use serde_json::{Value, json};

use crate::Failed;
use crate::failure::Report;

/// Which server to call, and as whom.
#[derive(Args)]
pub struct Server {
    /// Address of the server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7700", env = "ROPEWALK_SERVER", value_parser = read_address)]
    server: String,
    /// API token
    #[arg(long, value_name = "TOKEN", env = "ROPEWALK_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Key of the organization to work in, for tokens of server administrators
    #[arg(long, value_name = "KEY", env = "ROPEWALK_ORGANIZATION")]
    organization: Option<String>,
}

fn read_address(text: &str) -> Result<String, String> {
    let request = Request::new("POST", text);
    let checked = Client::default().check(&request, Policy::Unrestricted);
    checked.map(|()| text.to_owned()).map_err(|error| error.to_string())
}

/// A little longer than a server takes to install a module.
const TIMEOUT: Duration = Duration::from_secs(680);
/// The largest page of a listing that a server gives.
const PAGE: usize = 100;

impl Server {
    /// Sends a document and returns its `data`.
    ///
    /// # Errors
    /// The messages of the answer's errors.
    pub async fn ask(&self, query: &str, variables: Value) -> Result<Value, Failed> {
        let body = json!({"query": query, "variables": variables}).to_string().into_bytes();
        let answer = self.post("/graphql", "application/json", body).await?;
        match answer.get("data") {
            Some(data) if answer.get("errors").is_none() => Ok(data.clone()),
            _ => Err(self.refused(&answer["errors"])),
        }
    }

    /// Sends one mutation and returns its payload.
    ///
    /// # Errors
    /// The messages of the payload's `userErrors`.
    pub async fn change(&self, field: &str, query: &str, variables: Value) -> Result<Value, Failed> {
        self.change_by_flags(field, query, variables, str::to_owned).await
    }

    /// The same, where `flag` names the command line flag for a path into the input.
    pub async fn change_by_flags(
        &self,
        field: &str,
        query: &str,
        variables: Value,
        flag: impl Fn(&str) -> String,
    ) -> Result<Value, Failed> {
        accepted(self.ask(query, variables).await?[field].take(), flag)
    }

    /// Sends one mutation about the job result `id` and returns its payload.
    ///
    /// # Errors
    /// As of [`Self::change`]; an id that no result has is named.
    pub async fn change_result(&self, id: &str, field: &str, query: &str, variables: Value) -> Result<Value, Failed> {
        let payload = self.ask(query, variables).await?[field].take();
        match payload["userErrors"].as_array() {
            Some(errors) if errors.iter().any(|error| error["code"] == "NOT_FOUND") => Err(log::absent(id)),
            _ => accepted(payload, str::to_owned),
        }
    }

    /// Reads a listing page by page, at most `most` items. The query takes `$first` and `$after`.
    pub async fn list(&self, field: &str, query: &str, variables: Value, most: usize) -> Result<Vec<Value>, Failed> {
        let (mut variables, mut listed) = (variables, Vec::new());
        loop {
            variables["first"] = json!((most - listed.len()).clamp(1, PAGE));
            let page = self.ask(query, variables.clone()).await?[field].take();
            listed.extend(page["nodes"].as_array().cloned().unwrap_or_default());
            if page["pageInfo"]["hasNextPage"] != json!(true) || listed.len() >= most {
                return Ok(listed);
            }
            variables["after"] = page["pageInfo"]["endCursor"].clone();
        }
    }

    /// Uploads a module and returns the id of the upload.
    pub async fn upload(&self, path: &Path) -> Result<String, Failed> {
        let content = std::fs::read(path);
        let content =
            content.map_err(|error| Failed::Refused(format!("{}: cannot be read: {error}", path.display())))?;
        // The server refuses a larger file and closes the connection, so its message may be lost.
        let most = Limits::default().component;
        if content.len() > most {
            let message =
                format!("{}: the file has {} bytes; at most {most} are allowed", path.display(), content.len());
            return Err(Failed::Refused(message));
        }
        let answer = self.post("/uploads", "application/wasm", content).await?;
        match answer["id"].as_str() {
            Some(id) => Ok(id.to_owned()),
            None => Err(self.refused(&answer["errors"])),
        }
    }

    async fn post(&self, path: &str, kind: &str, body: Vec<u8>) -> Result<Value, Failed> {
        let url = format!("{}{path}", self.server.trim_end_matches('/'));
        let mut request = Request::new("POST", url);
        request.headers.push(("Content-Type".to_owned(), kind.to_owned()));
        request.headers.push(("Authorization".to_owned(), format!("Bearer {}", self.token()?)));
        request.headers.extend(self.organization.iter().map(|key| ("Ropewalk-Organization".to_owned(), key.clone())));
        (request.body, request.timeout, request.follow) = (Some(body), Some(TIMEOUT), false);
        let answer = Client::of_the_program(TIMEOUT).send(request, Policy::Unrestricted).await;
        let answer = answer.map_err(|error| match error {
            Error::Invalid(message) => Failed::Refused(message),
            error => Failed::Broken(error.to_string()),
        })?;
        serde_json::from_slice(&answer.body).map_err(|_| {
            let message =
                format!("{}: the answer ({}) is not JSON; is this a Ropewalk server?", self.server, answer.status);
            if answer.status >= 500 { Failed::Broken(message) } else { Failed::Refused(message) }
        })
    }

    /// The token, if it can be sent.
    fn token(&self) -> Result<&str, Failed> {
        let refused = |message: &str| Failed::Refused(message.to_owned());
        let token = self.token.as_deref().filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| refused("No token. Give one with --token or ROPEWALK_TOKEN."))?;
        match token.chars().all(|letter| letter.is_ascii_graphic()) {
            true => Ok(token),
            false => Err(refused("The token has a line break or another character that no token has; copy it again.")),
        }
    }

    fn refused(&self, errors: &Value) -> Failed {
        let message = format!("{}: {}", self.server, messages(errors, str::to_owned));
        Report::of_server(errors[0]["extensions"]["code"].as_str(), message).into()
    }
}

/// A payload without `userErrors`.
fn accepted(payload: Value, flag: impl Fn(&str) -> String) -> Result<Value, Failed> {
    let errors = &payload["userErrors"];
    if errors.as_array().is_none_or(Vec::is_empty) {
        return Ok(payload);
    }
    let mut report = Report::of_server(errors[0]["code"].as_str(), messages(errors, flag));
    report.details.insert("errors".to_owned(), errors.clone());
    Err(report.into())
}

/// The messages of a list of errors, one on each line.
fn messages(errors: &Value, name: impl Fn(&str) -> String) -> String {
    let messages: Vec<_> = errors.as_array().into_iter().flatten().map(|error| message(error, &name)).collect();
    if messages.is_empty() { "the server gave no reason for its refusal".to_owned() } else { messages.join("\n") }
}

fn message(error: &Value, name: impl Fn(&str) -> String) -> String {
    let message = error["message"].as_str().unwrap_or_default();
    // The path of a fault in the module itself says nothing.
    match error["path"].as_str().filter(|path| *path != "module") {
        Some(path) => format!("{}: {message}", name(path)),
        None => message.to_owned(),
    }
}
