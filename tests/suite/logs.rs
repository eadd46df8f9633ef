//! A log that cannot be written: its reader is gone, or its disk is full. Work goes on.

use std::fs::File;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::disk::Disk;
use crate::served::Server;
use crate::support::folder;

const JOBS: usize = 20;

/// Saves a job and runs it many times, all at once.
fn work(server: &Server, token: &str) {
    let saved =
        server.save(token, json!({"key": "job", "overlap": "allow", "lines": [{"filter": {"where": {"n": 1}}}]}));
    assert_eq!(saved["userErrors"], json!([]));
    let started: Vec<_> = (0..JOBS).map(|_| server.start_job(token, "job")).collect();
    for id in started {
        let ended = server.await_end(token, &id);
        assert!(["SUCCESS", "INFO"].contains(&ended["status"].as_str().expect("a status")), "{ended:#}");
    }
    assert_eq!(server.ready().0, 200);
}

#[test]
fn a_log_whose_reader_is_gone_stops_no_work() {
    let data = folder();
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let server = Server::start_logging_to(data.path(), writer.into());
    drop(reader);
    let token = server.token().to_owned();
    work(&server, &token);
    // An address that cannot be found is a warning, and so is a store that is away.
    for _ in 0..50 {
        server.post("rw_nobody", &json!({"query": "{ jobs { totalCount } }"}));
    }
    work(&server, &token);
}

#[test]
fn a_log_on_a_full_disk_stops_no_work_and_says_what_was_lost() {
    let Some(disk) = Disk::mount("1m") else { return };
    let data = folder();
    let path = disk.path().join("log");
    let log = File::create(&path).expect("a file");
    let filler = disk.fill();
    let server = Server::start_logging_to(data.path(), Stdio::from(log));
    let token = server.token().to_owned();
    work(&server, &token);
    std::fs::remove_file(filler).expect("room again");
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        work(&server, &token);
        let text = String::from_utf8_lossy(&std::fs::read(&path).expect("a log")).into_owned();
        if text.contains(" lines of the log could not be written and are lost") {
            return;
        }
        assert!(Instant::now() < deadline, "{text}");
    }
}

#[test]
fn a_server_starts_though_nobody_reads_what_it_prints() {
    let data = folder();
    drop(Server::start(data.path()));
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = crate::support::program();
    let mut child = command
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data.path())
        .stdout(writer)
        .spawn()
        .expect("the program starts");
    std::thread::sleep(Duration::from_secs(3));
    let ended = child.try_wait().expect("an answer");
    let _ = child.kill();
    let _ = child.wait();
    assert_eq!(ended, None, "it went on");
}
