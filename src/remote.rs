//! A server, reached over its API as any other program would.

pub mod log;
pub mod started;

use std::path::Path;
use std::time::Duration;

use actions::egress::{Client, Policy, Request};
use actions::host::Limits;
use clap::Args;
use serde_json::{Value, json};

use crate::Failed;

/// Which server, and who is calling.
#[derive(Args)]
pub struct Server {
    /// Address of the server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7700", env = "ROPEWALK_SERVER")]
    server: String,
    /// API token
    #[arg(long, value_name = "TOKEN", env = "ROPEWALK_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// The organization that it is about, for tokens of server administrators
    #[arg(long, value_name = "KEY", env = "ROPEWALK_ORGANIZATION")]
    organization: Option<String>,
}

/// Installing compiles, which may take a minute.
const PATIENCE: Duration = Duration::from_secs(180);
/// The largest page that a server gives.
const PAGE: usize = 100;

impl Server {
    /// Asks the API; gives the data, or says what was refused.
    pub async fn ask(&self, query: &str, variables: Value) -> Result<Value, Failed> {
        let body = json!({"query": query, "variables": variables}).to_string().into_bytes();
        let answer = self.post("/graphql", "application/json", body).await?;
        match answer.get("data") {
            Some(data) if answer.get("errors").is_none() => Ok(data.clone()),
            _ => Err(self.refused(&told(&answer["errors"], str::to_owned))),
        }
    }

    /// Asks for one mutation; its `userErrors` refuse.
    pub async fn change(&self, field: &str, query: &str, variables: Value) -> Result<Value, Failed> {
        self.change_by_flags(field, query, variables, str::to_owned).await
    }

    /// The same with `flag`, which gives the flag that stands for a path into the input.
    pub async fn change_by_flags(
        &self,
        field: &str,
        query: &str,
        variables: Value,
        flag: impl Fn(&str) -> String,
    ) -> Result<Value, Failed> {
        let data = self.ask(query, variables).await?;
        let payload = data[field].clone();
        match payload["userErrors"].as_array() {
            Some(errors) if !errors.is_empty() => Err(Failed::Refused(told(&payload["userErrors"], flag))),
            _ => Ok(payload),
        }
    }

    /// Everything of a listing, page by page, up to `most`. The query takes `$first` and `$after`.
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

    /// Sends a file to be used soon; gives its id.
    pub async fn upload(&self, path: &Path) -> Result<String, Failed> {
        let content = std::fs::read(path);
        let content =
            content.map_err(|error| Failed::Refused(format!("{}: cannot be read: {error}", path.display())))?;
        // A server that finds it too large hangs up, and what it said of that may be lost.
        let most = Limits::default().component;
        if content.len() > most {
            let told = format!("{}: has {} bytes; at most {most} are allowed", path.display(), content.len());
            return Err(Failed::Refused(told));
        }
        let answer = self.post("/uploads", "application/wasm", content).await?;
        match answer["id"].as_str() {
            Some(id) => Ok(id.to_owned()),
            None => Err(self.refused(&told(&answer["errors"], str::to_owned))),
        }
    }

    async fn post(&self, path: &str, kind: &str, body: Vec<u8>) -> Result<Value, Failed> {
        let Some(token) = &self.token else {
            return Err(Failed::Refused("say who you are: --token TOKEN, or ROPEWALK_TOKEN".to_owned()));
        };
        let url = format!("{}{path}", self.server.trim_end_matches('/'));
        let mut request = Request::new("POST", url);
        request.headers.push(("Content-Type".to_owned(), kind.to_owned()));
        request.headers.push(("Authorization".to_owned(), format!("Bearer {token}")));
        request.headers.extend(self.organization.iter().map(|key| ("Ropewalk-Organization".to_owned(), key.clone())));
        (request.body, request.timeout, request.follow) = (Some(body), Some(PATIENCE), false);
        let answer = Client::of_the_program(PATIENCE).send(request, Policy::Unrestricted).await;
        let answer = answer.map_err(|error| Failed::Broken(error.to_string()))?;
        serde_json::from_slice(&answer.body)
            .map_err(|_| self.refused(&format!("it answered {} and no JSON; is it Ropewalk?", answer.status)))
    }

    fn refused(&self, message: &str) -> Failed {
        Failed::Refused(format!("{}: {message}", self.server))
    }
}

/// The messages of a list of errors, each on a line of its own.
fn told(errors: &Value, name: impl Fn(&str) -> String) -> String {
    let messages: Vec<_> = errors.as_array().into_iter().flatten().map(|error| one(error, &name)).collect();
    if messages.is_empty() { "it refused without giving a reason".to_owned() } else { messages.join("\n") }
}

fn one(error: &Value, name: impl Fn(&str) -> String) -> String {
    let message = error["message"].as_str().unwrap_or_default();
    // Where the fault is in the module itself, the place says nothing more.
    match error["path"].as_str().filter(|path| *path != "module") {
        Some(path) => format!("{}: {message}", name(path)),
        None => message.to_owned(),
    }
}
