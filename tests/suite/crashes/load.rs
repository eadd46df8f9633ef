//! The load of the crash loop: jobs of every kind, and clients that start them without end.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

use crate::served::Server;

/// How many records a start brings, and how many batches they make.
pub const RECORDS: usize = 20;
pub const BATCHES: usize = 4;

/// The jobs that are started, each as often as it stands here.
const STARTED: [&str; 9] = ["pure", "posts", "pure", "keeps", "posts", "parent", "busy", "carries-on", "in-turn"];
const CLIENTS: usize = 3;

/// Saves the jobs, and grants what their lines do outside.
pub fn prepare(server: &Server, ledger: SocketAddr) {
    let token = server.token();
    for (module, grant) in [
        ("http", json!({"hosts": ["127.0.0.1"], "addresses": ["127.0.0.0/8"]})),
        ("collections", json!({"names": ["*"]})),
        ("jobs", json!({"keys": ["child"]})),
    ] {
        let grant = json!({"input": {"module": module, module: grant}});
        let query = "mutation($input: GrantModuleInput!) { grantModule(input: $input) { userErrors { message } } }";
        assert_eq!(server.ask(token, query, grant)["grantModule"]["userErrors"], json!([]));
    }
    for (key, overlap, lines) in jobs(&format!("http://{ledger}")) {
        let job = json!({
            "key": key, "overlap": overlap, "batchSize": RECORDS / BATCHES, "lines": lines,
            "arguments": {"properties": {"start": {"type": "string"}}},
        });
        let saved = server.save(token, job);
        assert_eq!(saved["userErrors"], json!([]), "{saved:#}");
    }
}

fn jobs(ledger: &str) -> Vec<(&'static str, &'static str, Value)> {
    let retry = json!({"attempts": 50, "delay": "20ms", "factor": 1});
    let posted = json!([{"action": "http.request", "retry": retry, "parameters": {"url": format!("{ledger}/posted"), "method": "POST"}}]);
    let write =
        |collection| json!({"action": "collection.write", "parameters": {"collection": collection, "mode": "insert"}});
    vec![
        (
            "pure",
            "allow",
            json!([{"filter": {"where": {"n": {"gte": 10}}}}, {"action": "set", "parameters": {"add": {"seen": "$<today>"}}}]),
        ),
        ("posts", "allow", posted.clone()),
        ("in-turn", "queue", posted),
        ("keeps", "allow", json!([write("kept")])),
        ("child", "allow", json!([write("children")])),
        (
            "parent",
            "allow",
            json!([{"action": "job.start", "parameters": {"job": "child", "records": "set", "title": "$<args.start>"}}]),
        ),
        (
            "busy",
            "allow",
            json!([
                {"action": "set", "parameters": {"add": {"asked": true}}},
                {"action": "http.request", "retry": {"attempts": 9, "delay": "30ms"},
                    "parameters": {"url": format!("{ledger}/busy"), "method": "POST"}},
            ]),
        ),
        (
            "carries-on",
            "allow",
            json!([
                {"action": "http.request", "onError": "continue", "parameters": {"url": format!("{ledger}/broken"), "method": "POST"}},
                write("carried"),
            ]),
        ),
    ]
}

/// What was asked for, over all rounds.
#[derive(Default)]
pub struct Load {
    asked: AtomicU32,
    accepted: Mutex<Vec<(String, String)>>,
}

impl Load {
    /// `[title, id]` of the starts that were answered.
    pub fn accepted(&self) -> Vec<(String, String)> {
        self.accepted.lock().expect("no panic").clone()
    }

    pub fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }

    /// Starts jobs until `stop`, whatever becomes of the server.
    pub fn press(self: &Arc<Self>, address: &str, token: &str, stop: &Arc<AtomicBool>) -> Vec<JoinHandle<()>> {
        let client = || {
            let (load, stop) = (Arc::clone(self), Arc::clone(stop));
            let (address, token) = (address.to_owned(), token.to_owned());
            std::thread::spawn(move || {
                let agent = ureq::Agent::new_with_defaults();
                while !stop.load(Ordering::SeqCst) {
                    load.start_one(&agent, &address, &token);
                    std::thread::sleep(Duration::from_millis(15));
                }
            })
        };
        (0..CLIENTS).map(|_| client()).collect()
    }

    fn start_one(&self, agent: &ureq::Agent, address: &str, token: &str) {
        let number = self.asked.fetch_add(1, Ordering::SeqCst);
        let start = format!("start {number}");
        let records: Vec<_> =
            (0..RECORDS).map(|n| json!({"id": format!("{number}-{n:02}"), "start": start, "n": n})).collect();
        let job = STARTED[number as usize % STARTED.len()];
        let query =
            "mutation($input: RunJobInput!) { runJob(input: $input) { jobResult { id } userErrors { message } } }";
        let input = json!({"job": job, "title": start, "arguments": {"start": start}, "records": records});
        let request = agent
            .post(format!("http://{address}/graphql"))
            .header("Authorization", format!("Bearer {token}"))
            .send_json(json!({"query": query, "variables": {"input": input}}));
        // Without an answer nobody knows whether it was accepted.
        let Ok(answer) = request.and_then(|mut response| response.body_mut().read_json::<Value>()) else { return };
        let id = answer["data"]["runJob"]["jobResult"]["id"].as_str();
        let id = id.unwrap_or_else(|| panic!("a start was refused: {answer:#}")).to_owned();
        self.accepted.lock().expect("no panic").push((start, id));
    }
}
