//! A server in its own process, and connections to it.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use engine::model::token::ParsedToken;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::broken;
use crate::Failed;

/// A server: one that was started here and ends when this is dropped, or one that runs elsewhere.
pub struct Served {
    child: Option<Child>,
    address: String,
    token: String,
    organization: Option<String>,
    /// Time from its start to the line with its address.
    pub ready_after: Duration,
}

impl Served {
    /// Serves a folder that is new, or that was served before with the same token.
    pub async fn start(folder: &Path, workers: u16, token: Option<&str>) -> Result<Self, Failed> {
        let token = match token {
            Some(token) => token.to_owned(),
            None => ParsedToken::fresh().map_err(|error| broken(&error))?.0,
        };
        let began = Instant::now();
        let mut child = Command::new(std::env::current_exe().map_err(|error| broken(&error))?)
            .args(["serve", "--listen", "127.0.0.1:0", "--workers", &workers.to_string(), "--data-dir"])
            .arg(folder)
            .env("ROPEWALK_ADMIN_TOKEN", &token)
            // Warnings of a server under overload would fill the terminal.
            .env("ROPEWALK_LOG", "error")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| broken(&error))?;
        let printed = child.stdout.take().ok_or_else(|| broken(&"the server prints nothing"))?;
        let first = BufReader::new(printed).lines().next_line().await.map_err(|error| broken(&error))?;
        let ready_after = began.elapsed();
        let first = first.ok_or_else(|| broken(&"the server does not start"))?;
        let address = first.rsplit("http://").next().unwrap_or_default().to_owned();
        let served = Self { child: Some(child), address, token, organization: None, ready_after };
        // A benchmark asks for more than any quota allows.
        let quotas = json!({"startsPerMinute": u32::MAX, "requestsPerMinute": u32::MAX});
        let lift = "mutation ($input: SetQuotasInput!) { setQuotas(input: $input) { userErrors { message } } }";
        served.connect().await?.ask(lift, json!({"input": quotas})).await?;
        Ok(served)
    }

    /// A server that runs already.
    pub fn running(url: &str, token: Option<&str>, organization: Option<&str>) -> Result<Self, Failed> {
        let Some(address) = url.strip_prefix("http://").and_then(|rest| rest.split('/').next()) else {
            return Err(Failed::Refused(format!("{url}: must be an address that begins with http://")));
        };
        let Some(token) = token else {
            return Err(Failed::Refused("No token. Give one with --token or ROPEWALK_TOKEN.".to_owned()));
        };
        let address = if address.contains(':') { address.to_owned() } else { format!("{address}:80") };
        let token = token.to_owned();
        Ok(Self {
            child: None,
            address,
            token,
            organization: organization.map(str::to_owned),
            ready_after: Duration::ZERO,
        })
    }

    /// The administrator token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Kills it.
    pub async fn stop(mut self) -> Result<(), Failed> {
        match &mut self.child {
            Some(child) => child.kill().await.map_err(|error| broken(&error)),
            None => Ok(()),
        }
    }

    /// Opens a connection and keeps it open.
    pub async fn connect(&self) -> Result<HttpClient, Failed> {
        let stream = TcpStream::connect(&self.address).await.map_err(|error| broken(&error))?;
        stream.set_nodelay(true).map_err(|error| broken(&error))?;
        let organization = self.organization.as_ref().map(|key| format!("ropewalk-organization: {key}\r\n"));
        let head = format!(
            "POST /graphql HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n{}",
            self.address,
            self.token,
            organization.unwrap_or_default()
        );
        Ok(HttpClient { stream: BufReader::new(stream), head })
    }

    /// A field of `/proc/PID/status`, in megabytes.
    pub fn memory(&self, field: &str) -> Option<f64> {
        memory(self.child.as_ref()?.id()?, field)
    }

    /// The processor time that it has used so far, in milliseconds.
    pub fn processor_ms(&self) -> Option<u64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.as_ref()?.id()?)).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        let ticks = |index: usize| fields.get(index)?.parse::<u64>().ok();
        // The kernel counts in hundredths of a second.
        Some((ticks(11)? + ticks(12)?) * 10)
    }
}

/// A field of `/proc/PID/status`, in megabytes.
pub fn memory(process: u32, field: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with(field))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some((kilobytes * 1024.0 / 1e5).round() / 10.0)
}

/// A client with little overhead of its own.
pub struct HttpClient {
    stream: BufReader<TcpStream>,
    head: String,
}

impl HttpClient {
    /// Sends a document and returns its `data`.
    pub async fn ask(&mut self, query: &str, variables: Value) -> Result<Value, Failed> {
        let body = json!({"query": query, "variables": variables}).to_string();
        let answer = self.exchange(&body).await.map_err(|error| broken(&error))?;
        let mut answer: Value = serde_json::from_slice(&answer).map_err(|error| broken(&error))?;
        match answer.get("errors") {
            None => Ok(answer["data"].take()),
            Some(errors) => Err(broken(errors)),
        }
    }

    /// Gets a page as text.
    pub async fn get(&mut self, path: &str) -> Result<String, Failed> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: ropewalk\r\n\r\n");
        let answer = self.answer(&request).await.map_err(|error| broken(&error))?;
        String::from_utf8(answer).map_err(|error| broken(&error))
    }

    async fn exchange(&mut self, body: &str) -> std::io::Result<Vec<u8>> {
        let request = format!("{}content-length: {}\r\n\r\n{body}", self.head, body.len());
        self.answer(&request).await
    }

    async fn answer(&mut self, request: &str) -> std::io::Result<Vec<u8>> {
        self.stream.write_all(request.as_bytes()).await?;
        let (mut line, mut length) = (String::new(), 0);
        loop {
            line.clear();
            if self.stream.read_line(&mut line).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            match line.split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().unwrap_or(0);
                }
                Some(_) => {}
                None if line.trim().is_empty() => break,
                None => {}
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).await?;
        Ok(answer)
    }
}
