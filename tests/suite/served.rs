//! A server of the built program, and a client of it that nobody here wrote.

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Ended, program};

/// A server that ends with the test.
pub struct Server {
    pub child: Child,
    pub printed: Lines<BufReader<ChildStdout>>,
    pub address: String,
    pub token: Option<String>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts a server on a free port in a new folder, and reads the token it prints.
    pub fn start(data: &Path) -> Self {
        Self::start_again(data).with_token()
    }

    /// The same, with a log of this level and format written here.
    pub fn start_logging_to(data: &Path, log: impl Into<Stdio>, level: &str, format: &str) -> Self {
        let mut command = program();
        command.env("ROPEWALK_LOG", level).env("ROPEWALK_LOG_FORMAT", format).stderr(log);
        Self::start_by(command, data).with_token()
    }

    /// The same, with only so many descriptors for files and connections.
    pub fn start_with_descriptors(data: &Path, most: u32) -> Self {
        let program = program();
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {most} && exec \"$0\" \"$@\"")]).arg(program.get_program());
        command.current_dir(crate::support::root());
        command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Self::start_by(command, data).with_token()
    }

    fn with_token(mut self) -> Self {
        let token = self.printed.by_ref().map_while(Result::ok).find(|line| line.trim().starts_with("rw_"));
        self.token = token.map(|token| token.trim().to_owned());
        self
    }

    /// Starts a server on a folder that has been served before.
    pub fn start_again(data: &Path) -> Self {
        Self::start_by(program(), data)
    }

    /// The same, by a command that sets something.
    pub fn start_by(mut program: Command, data: &Path) -> Self {
        let mut child = program
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut printed = BufReader::new(child.stdout.take().expect("standard output")).lines();
        let first = printed.next().and_then(Result::ok).expect("the first line");
        let address = first.rsplit("http://").next().expect("an address").to_owned();
        Self { child, printed, address, token: None }
    }

    /// Ends the server as a crash would, and gives what else it printed.
    pub fn crash(mut self) -> Vec<String> {
        self.child.kill().expect("a kill");
        self.child.wait().expect("an end");
        self.printed.by_ref().map_while(Result::ok).collect()
    }

    /// Runs the program against this server.
    pub fn verb(&self, arguments: &[&str]) -> Ended {
        let mut command = program();
        command.args(arguments).args(["--server", &format!("http://{}", self.address), "--token", self.token()]);
        command.output().expect("the program starts").into()
    }

    pub fn token(&self) -> &str {
        self.token.as_deref().expect("the first start prints a token")
    }

    /// Asks, and gives `data`; GraphQL errors are a fault of the test.
    pub fn ask(&self, token: &str, query: &str, variables: Value) -> Value {
        let answer = self.post(token, &json!({"query": query, "variables": variables})).1;
        assert!(answer.get("errors").is_none(), "{answer:#}");
        answer["data"].clone()
    }

    pub fn post(&self, token: &str, body: &Value) -> (u16, Value) {
        self.post_in(None, token, body)
    }

    /// The same for a server token in an organization that is not the first.
    pub fn post_in(&self, organization: Option<&str>, token: &str, body: &Value) -> (u16, Value) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut request =
            agent.post(format!("http://{}/graphql", self.address)).header("Authorization", format!("Bearer {token}"));
        if let Some(organization) = organization {
            request = request.header("Ropewalk-Organization", organization);
        }
        let mut response = request.send_json(body).expect("an answer");
        let status = response.status().as_u16();
        (status, response.body_mut().read_json().expect("JSON"))
    }

    /// What a supervisor is told.
    pub fn ready(&self) -> (u16, String) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut response = agent.get(format!("http://{}/readyz", self.address)).call().expect("an answer");
        let status = response.status().as_u16();
        (status, response.body_mut().read_to_string().expect("text"))
    }

    /// What a monitor is told.
    pub fn metrics(&self) -> String {
        let mut response = ureq::get(format!("http://{}/metrics", self.address)).call().expect("an answer");
        response.body_mut().read_to_string().expect("text")
    }

    pub fn save(&self, token: &str, job: Value) -> Value {
        let query = "mutation($input: SaveJobInput!) { saveJob(input: $input) { job { key version } userErrors { code path message } } }";
        self.ask(token, query, json!({"input": {"document": job}}))["saveJob"].clone()
    }

    pub fn run_job(&self, token: &str, input: Value) -> Value {
        let query = "mutation($input: RunJobInput!) { runJob(input: $input) { jobResult { id status } userErrors { code path message } } }";
        self.ask(token, query, json!({"input": input}))["runJob"].clone()
    }

    pub fn start_job(&self, token: &str, key: &str) -> String {
        let started = self.run_job(token, json!({"job": key}));
        started["jobResult"]["id"].as_str().unwrap_or_else(|| panic!("{started}")).to_owned()
    }

    pub fn result(&self, token: &str, id: &str) -> Value {
        let query = "query($id: ID!) { jobResult(id: $id) { status message recordsOut version
            lines { lineNo name status message recordsIn recordsOut parameters sample { records cut } } } }";
        self.ask(token, query, json!({"id": id}))["jobResult"].clone()
    }

    /// Polls as a client would, for at most ten seconds.
    pub fn await_end(&self, token: &str, id: &str) -> Value {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let result = self.result(token, id);
            if !["PENDING", "RUNNING"].contains(&result["status"].as_str().unwrap_or_default()) {
                return result;
            }
            assert!(Instant::now() < deadline, "{result:#}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
