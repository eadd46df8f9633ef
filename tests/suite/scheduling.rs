//! Jobs that start by themselves, in the built program: over its sockets, across stops and kills.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::served::Server;
use crate::support::{folder, root, run};

const RESULTS: &str =
    "{ jobResults(first: 100) { nodes { status message schedule scheduledAt createdAt startedBy } } }";

#[test]
fn a_preview_shows_wall_clocks_and_instants() {
    let madrid = ["--time-zone", "Europe/Madrid", "--from", "2026-03-28T12:00:00Z", "--count", "2"];
    let shown = run(&[&["preview", "30 2 * * *"][..], &madrid].concat());
    assert_eq!(
        shown.stdout,
        "Sun  2026-03-29T03:00:00+02:00  2026-03-29T01:00:00Z\nMon  2026-03-30T02:30:00+02:00  2026-03-30T00:30:00Z\n"
    );
    let json = run(&[&["preview", "30 2 * * *", "--json"][..], &madrid].concat()).json();
    assert_eq!(json, json!(["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]));
    for (arguments, told) in [
        (&["61 * * * *"][..], "cron: minute: `61` cannot be read"),
        (&["0 0 30 2 *"], "cron: `0 0 30 2 *` never occurs"),
        (
            &["* * * * *", "--time-zone", "Europe/Madird"],
            "--time-zone: `Europe/Madird` is not a time zone; did you mean",
        ),
        (&["* * * * *", "--from", "soon"], "write an instant such as"),
        (&["* * * * *", "--count", "0"], "0 is not in"),
    ] {
        let refused = run(&[&["preview"][..], arguments].concat());
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.stderr.contains(told), "{}", refused.stderr);
    }
}

#[test]
fn the_doctor_tells_what_the_program_goes_by() {
    let place = folder();
    let data = place.path().to_str().expect("a path");
    let found = run(&["doctor", "--json", "--data-dir", data]).json();
    let release = found["timeZoneData"].as_str().expect("a release");
    assert!(release.len() == 5 && release.starts_with("20"), "{release}");
    assert_eq!(found["dataFolder"]["database"], "no database yet");
    assert!(run(&["doctor"]).stdout.contains(&format!("IANA {release}")));
    assert_eq!(std::fs::read_dir(place.path()).expect("a folder").count(), 0, "looking changes nothing");
}

fn results(server: &Server, token: &str) -> Vec<Value> {
    server.ask(token, RESULTS, json!({}))["jobResults"]["nodes"].as_array().cloned().unwrap_or_default()
}

/// Looks again and again until the results are so.
fn wait_for(server: &Server, token: &str, is_so: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let begin = Instant::now();
    loop {
        let results = results(server, token);
        if is_so(&results) {
            return results;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "{results:#?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_was_missed_while_the_server_was_down_is_told() {
    let place = folder();
    let server = Server::start(place.path());
    let token = server.token().to_owned();
    let schedules =
        json!([{"key": "often", "interval": 200}, {"key": "never-again", "interval": 200, "missed": "none"}]);
    let job = json!({"key": "job", "overlap": "allow", "lines": [{"filter": {}}], "schedules": schedules});
    assert_eq!(server.save(&token, job)["userErrors"], json!([]));
    wait_for(&server, &token, |results| results.len() >= 4);
    server.crash();
    std::thread::sleep(Duration::from_secs(2));
    let server = Server::start_again(place.path());
    let is_told = |key: &str, results: &[Value]| {
        results.iter().any(|result| {
            result["schedule"] == key && result["message"].as_str().is_some_and(|told| told.starts_with("Missed "))
        })
    };
    let results = wait_for(&server, &token, |results| is_told("often", results) && is_told("never-again", results));
    let mut instants: Vec<_> = results.iter().map(|result| (&result["schedule"], &result["scheduledAt"])).collect();
    let all = instants.len();
    instants.sort_by_key(|(schedule, at)| (schedule.as_str(), at.as_str()));
    instants.dedup();
    assert_eq!(instants.len(), all, "no instant twice");
    let metrics = server.metrics();
    for figure in ["ropewalk_schedule_starts_missed_total", "ropewalk_schedules_unarmed 0", "# EOF"] {
        assert!(metrics.contains(figure), "{metrics}");
    }
}

#[test]
fn the_schedules_of_the_examples_are_saved_and_armed() {
    let place = folder();
    let server = Server::start(place.path());
    let text = std::fs::read_to_string(root().join("examples/schedules.yaml")).expect("the example");
    let file: Value = serde_saphyr::from_str(&text).expect("YAML");
    for document in file["jobs"].as_array().expect("jobs") {
        assert_eq!(server.save(server.token(), document.clone())["userErrors"], json!([]), "{document}");
    }
    let ask = "{ schedules(first: 50) { nodes { job key state next(count: 1) } } }";
    let states = server.ask(server.token(), ask, json!({}));
    for schedule in states["schedules"]["nodes"].as_array().expect("schedules") {
        let inactive = schedule["key"] == "everything";
        assert_eq!(schedule["state"], if inactive { "INACTIVE" } else { "ARMED" }, "{schedule}");
        assert_eq!(schedule["next"].as_array().map(Vec::is_empty), Some(inactive), "{schedule}");
    }
}

#[test]
fn a_job_that_starts_itself_comes_to_an_end_and_is_linked_both_ways() {
    let place = folder();
    let server = Server::start(place.path());
    let token = server.token().to_owned();
    let grant =
        "mutation { grantModule(input: {module: \"jobs\", jobs: {keys: [\"snake\"]}}) { userErrors { message } } }";
    assert_eq!(server.ask(&token, grant, json!({}))["grantModule"]["userErrors"], json!([]));
    let lines = json!([{"action": "job.start", "parameters": {"job": "snake"}}]);
    assert_eq!(
        server.save(&token, json!({"key": "snake", "overlap": "allow", "lines": lines}))["userErrors"],
        json!([])
    );
    server.start_job(&token, "snake");
    let all = "{ jobResults(first: 20) { nodes { id status depth startedFrom started message } } }";
    let begin = Instant::now();
    let results = loop {
        let results = server.ask(&token, all, json!({}))["jobResults"]["nodes"].as_array().cloned().unwrap_or_default();
        if results.iter().any(|result| result["status"] == "ERROR") {
            break results;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "{results:#?}");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(results.len(), 10, "{results:#?}");
    assert!(results[0]["message"].as_str().is_some_and(|told| told.contains("chain of at most 10")), "{}", results[0]);
    for (later, earlier) in results.iter().zip(&results[1..]) {
        assert_eq!((&later["startedFrom"], &earlier["started"]), (&earlier["id"], &json!([later["id"]])));
    }
    assert_eq!((&results[9]["depth"], &results[9]["startedFrom"]), (&json!(0), &Value::Null));
}
