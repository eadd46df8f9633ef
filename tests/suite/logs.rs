//! The log of the server: its format, and that work goes on when it cannot be written, because its reader has gone or
//! its disk is full.

use std::fs::File;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

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
    let server = Server::start_logging_to(data.path(), writer, "debug", "text");
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
    let server = Server::start_logging_to(data.path(), log, "debug", "text");
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
fn a_log_in_json_says_which_job_result_and_line_each_event_belongs_to() {
    let data = folder();
    let path = data.path().join("log");
    let server = Server::start_logging_to(data.path(), File::create(&path).expect("a file"), "info", "json");
    let token = server.token().to_owned();
    // Nobody answers on the port that the second line calls.
    let lines = json!([
        {"name": "choose", "filter": {"source": {"inline": [{"n": 1}]}}},
        {"name": "call", "action": "http.request", "parameters": {"url": "http://127.0.0.1:1/"},
         "retry": {"attempts": 2, "delay": "10ms"}},
    ]);
    let saved = server.save(&token, json!({"key": "report", "lines": lines}));
    assert_eq!(saved["userErrors"], json!([]));
    let grant = r#"mutation { grantModule(input: {module: "http", http: {hosts: ["127.0.0.1"], addresses: ["127.0.0.0/8"]}}) { userErrors { message } } }"#;
    assert_eq!(server.ask(&token, grant, json!({}))["grantModule"]["userErrors"], json!([]));
    let id = server.start_job(&token, "report");
    server.await_end(&token, &id);
    drop(server);
    let text = std::fs::read_to_string(&path).expect("a log");
    let events: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect();
    for event in &events {
        for member in ["timestamp", "level", "target"] {
            assert!(event[member].is_string(), "{member} is missing in {event}");
        }
    }
    let find = |message: &str| {
        let found = events.iter().find(|event| event["message"] == message);
        found.unwrap_or_else(|| panic!("`{message}` is missing in\n{text}"))
    };
    let of_result = |event: &Value| {
        let span = &event["spans"][0];
        assert_eq!(
            (&span["name"], &span["job"], &span["version"]),
            (&json!("job_result"), &json!("report"), &json!(1))
        );
        for member in ["result", "organization"] {
            assert!(span[member].is_string(), "{member} is missing in {event}");
        }
    };
    of_result(find("a job result begins or is resumed"));
    let ended = find("a job result has ended");
    of_result(ended);
    assert_eq!((&ended["status"], &ended["level"]), (&json!("error"), &json!("INFO")));
    let retried = find("a line failed and will be retried");
    of_result(retried);
    assert_eq!((&retried["level"], &retried["attempt"], &retried["line_no"]), (&json!("WARN"), &json!(1), &json!(20)));
    assert!(retried["cause"].as_str().is_some_and(|cause| cause.contains("127.0.0.1:1")), "{retried}");
    let line = &retried["spans"][1];
    assert_eq!((&line["name"], &line["line_no"], &line["title"]), (&json!("line"), &json!(20), &json!("call")));
}

#[test]
fn an_unknown_log_format_is_refused() {
    let mut command = crate::support::program();
    let refused = command.args(["serve", "--log-format", "xml"]).output().expect("the program starts");
    assert_eq!(refused.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(stderr.contains("text") && stderr.contains("json"), "{stderr}");
}
