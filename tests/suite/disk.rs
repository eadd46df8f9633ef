//! A disk that is full: what was accepted stays, the server says what is the matter, and goes on when there is room.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::ledger::Ledger;
use crate::served::Server;
use crate::support::folder;

const PATIENCE: Duration = Duration::from_secs(30);

/// A small disk of its own, which goes away with the test.
pub struct Disk(tempfile::TempDir);

impl Disk {
    /// None where disks may not be mounted.
    pub fn mount(size: &str) -> Option<Self> {
        let folder = folder();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(folder.path())
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(folder)),
            refused => {
                eprintln!("SKIPPED: no small disk can be mounted here ({refused:?}); run the tests as root");
                None
            }
        }
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes until nothing more fits.
    pub fn fill(&self) -> PathBuf {
        let path = self.path().join("filler");
        let mut file = File::create(&path).expect("a file");
        for size in [64 * 1024, 4096] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

fn until(what: &str, mut happens: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !happens() {
        assert!(Instant::now() < deadline, "{what} did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Starts a job; its result, or the error that was answered.
fn run(server: &Server, token: &str) -> Result<String, Value> {
    let query = "mutation($input: RunJobInput!) { runJob(input: $input) { jobResult { id } userErrors { message } } }";
    let records: Vec<_> = (0..40).map(|n| json!({"n": n, "text": "x".repeat(500)})).collect();
    let input = json!({"job": "posts", "records": records});
    let (_, answer) = server.post(token, &json!({"query": query, "variables": {"input": input}}));
    answer["data"]["runJob"]["jobResult"]["id"].as_str().map(str::to_owned).ok_or(answer)
}

#[test]
fn a_full_disk_loses_nothing_and_is_told() {
    let Some(disk) = Disk::mount("6m") else { return };
    let ledger = Ledger::open();
    let server = Server::start(&disk.path().join("data"));
    let token = server.token().to_owned();
    let grant = "mutation { grantModule(input: {module: \"http\", http: {hosts: [\"*\"], addresses: [\"127.0.0.0/8\"]}}) { userErrors { message } } }";
    server.ask(&token, grant, json!({}));
    let lines = json!([{"action": "http.request", "retry": {"attempts": 50, "delay": "20ms", "factor": 1},
        "parameters": {"url": format!("http://{}/posted", ledger.address), "method": "POST"}}]);
    let saved = server.save(&token, json!({"key": "posts", "overlap": "allow", "batchSize": 2, "lines": lines}));
    assert_eq!(saved["userErrors"], json!([]));
    assert_eq!(server.ready().0, 200);

    // Each has twenty batches, so that they are in the middle of them when the disk is full.
    let mut accepted: Vec<_> = (0..8).map(|_| run(&server, &token).expect("a start")).collect();
    let filler = disk.fill();
    let mut refusal = Value::Null;
    until("a refused start", || match run(&server, &token) {
        Ok(id) => {
            accepted.push(id);
            false
        }
        Err(answer) => {
            refusal = answer;
            true
        }
    });
    assert_eq!(refusal["errors"][0]["extensions"]["code"], "UNAVAILABLE", "{refusal:#}");
    until("a 503 of /readyz", || server.ready().0 == 503);
    std::thread::sleep(Duration::from_secs(1));
    for id in &accepted {
        let status = server.result(&token, id)["status"].clone();
        assert!(["PENDING", "RUNNING", "SUCCESS"].contains(&status.as_str().expect("a status")), "{id} is {status}");
    }
    let open = |id: &&String| server.result(&token, id)["status"] != "SUCCESS";
    assert!(accepted.iter().filter(open).count() > 0, "nothing had to wait for the disk");

    std::fs::remove_file(filler).expect("room again");
    until("a 200 of /readyz", || server.ready().0 == 200);
    until("a start", || run(&server, &token).map(|id| accepted.push(id)).is_ok());
    for id in &accepted {
        let deadline = Instant::now() + PATIENCE;
        while server.result(&token, id)["status"] != "SUCCESS" {
            assert!(Instant::now() < deadline, "{:#}", server.result(&token, id));
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    eprintln!("{} jobs were accepted and ended; the start on the full disk was answered {refusal}", accepted.len());
}
