//! The log of the server: its format, and that work goes on when it cannot be written, because its reader has gone or
//! its disk is full.

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
fn a_log_in_json_has_one_object_on_each_line() {
    let data = folder();
    drop(Server::start(data.path()));
    let path = data.path().join("log");
    let log = File::create(&path).expect("a file");
    let mut command = crate::support::program();
    command.args(["serve", "--log-format", "json", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data.path());
    command.env("ROPEWALK_LOG", "debug").stdout(Stdio::null()).stderr(log);
    let mut child = command.spawn().expect("the program starts");
    let deadline = Instant::now() + Duration::from_secs(60);
    let events = loop {
        let text = std::fs::read_to_string(&path).expect("a log");
        // The last line may be incomplete.
        let lines: Vec<_> = text.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(str::to_owned).collect();
        if !lines.is_empty() {
            break lines;
        }
        assert!(Instant::now() < deadline, "nothing was logged");
        std::thread::sleep(Duration::from_millis(20));
    };
    let _ = child.kill();
    let _ = child.wait();
    for event in events {
        let event: serde_json::Value = serde_json::from_str(&event).unwrap_or_else(|error| panic!("{error}: {event}"));
        for member in ["timestamp", "level", "target"] {
            assert!(event[member].is_string(), "{member} is missing in {event}");
        }
    }
}

#[test]
fn an_unknown_log_format_is_refused() {
    let mut command = crate::support::program();
    let refused = command.args(["serve", "--log-format", "xml"]).output().expect("the program starts");
    assert_eq!(refused.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(stderr.contains("text") && stderr.contains("json"), "{stderr}");
}
