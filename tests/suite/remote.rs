//! The command line, talking to a server.

use serde_json::{Value, json};

use crate::served::Server;
use crate::support::{Ended, done, folder, program, write};

impl Server {
    fn save_lines(&self, key: &str, lines: Value) {
        let arguments = json!({"properties": {"top": {"type": "integer"}}});
        let saved = self.save(self.token(), json!({"key": key, "arguments": arguments, "lines": lines}));
        assert_eq!(saved["userErrors"], json!([]), "{saved:#}");
    }
}

fn uuid(result: &Value) -> String {
    result["uuid"].as_str().unwrap_or_else(|| panic!("{result}")).to_owned()
}

/// A job that says two things, and rejects the records without `n`.
fn talking() -> Value {
    let script = "console.log('one'); console.log('two');
        return { records: records.filter(r => r.n), rejected: records.flatMap((r, index) => r.n ? [] : [{ index, reason: 'no n' }]) }";
    json!([{"name": "talk", "action": "js", "parameters": {"script": script}}])
}

#[test]
fn a_job_is_started_once_followed_and_its_rejected_records_tried_again() {
    let data = folder();
    let server = Server::start(data.path());
    server.save_lines("talk", talking());
    assert!(done(&server.verb(&["jobs"])).contains("talk"));
    assert_eq!(server.verb(&["jobs", "--json"]).json()[0]["version"], 1);

    let records = write(data.path(), "records.jsonl", "{\"n\": 1}\n{\"m\": 2}\n");
    let start = ["start", "talk", "--arg", "top=3", "--data", &records, "--key", "monday"];
    let told = server.verb(&[&start[..], &["--follow"]].concat());
    let lines: Vec<_> = done(&told).lines().collect();
    assert!(lines[0].ends_with(" of talk: accepted."), "{told:#?}");
    assert!(lines[1].ends_with("line 10 (talk)  info: one") && lines[2].ends_with("info: two"), "{told:#?}");
    assert!(lines.len() == 4 && lines[3].starts_with("warning: "), "{told:#?}");

    let again = server.verb(&[&start[..], &["--json"]].concat()).json();
    assert_eq!(again["status"], "WARNING", "nothing was started: {again:#}");
    let id = uuid(&again);
    let other = server.verb(&["start", "talk", "--arg", "top=4", "--key", "monday"]);
    assert!(other.code == 2 && other.stderr.contains(&id) && other.stderr.starts_with("--key: "), "{other:#?}");

    let log = server.verb(&["logs", &id]);
    assert_eq!(done(&log).lines().collect::<Vec<_>>(), lines[1..3], "the times are those of `start --follow`");
    let log = server.verb(&["logs", &id, "--json"]);
    let messages: Vec<Value> = done(&log).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let said: Vec<_> = messages.iter().map(|entry| (&entry["lineNo"], &entry["message"])).collect();
    assert_eq!(said, [(&json!(10), &json!("one")), (&json!(10), &json!("two"))]);

    let listed = server.verb(&["results", "talk", "--status", "warning", "--json"]).json();
    assert_eq!((listed.as_array().map(Vec::len), uuid(&listed[0])), (Some(1), id.clone()));
    let retried = server.verb(&["retry", &id, "--rejected", "--json"]).json();
    assert_eq!(retried["retryOf"], again["id"], "{retried:#}");
    let refused = server.verb(&["retry", &id]);
    assert!(refused.code == 2 && refused.stderr.contains("ended in error"), "{refused:#?}");
}

#[test]
fn what_waits_says_for_whom_and_is_killed_with_a_reason() {
    let data = folder();
    let server = Server::start(data.path());
    server.save_lines("slow", json!([{"action": "js", "parameters": {"script": "for (;;) {}"}}]));
    let first = uuid(&server.verb(&["start", "slow", "--json"]).json());
    let second = server.verb(&["start", "slow"]);
    assert!(done(&second).contains(&format!("queued. The job result {first} of the same job")), "{second:#?}");
    let listed = server.verb(&["results", "slow"]);
    assert!(done(&listed).contains("has not ended"), "{listed:#?}");
    let waiting = server.verb(&["results", "slow", "--limit", "1", "--json"]).json();
    assert_eq!(waiting[0]["waitsFor"]["reason"], "EARLIER_RESULT", "{waiting:#}");
    for id in [uuid(&waiting[0]), first] {
        let killed = server.verb(&["kill", &id, "--reason", "enough"]);
        assert!(done(&killed).starts_with("killed: ") && killed.stdout.contains("(enough)"), "{killed:#?}");
        assert_eq!(server.verb(&["kill", &id]).code, 2);
        let followed = server.verb(&["logs", "-f", &id]);
        assert!(done(&followed).contains("killed: "), "{followed:#?}");
    }
}

#[test]
fn a_start_says_its_queue_priority_since_and_overlap() {
    let data = folder();
    let server = Server::start(data.path());
    server.save_lines("slow", json!([{"action": "js", "parameters": {"script": "for (;;) {}"}}]));
    let queue = "mutation { saveQueue(input: {key: \"erp\"}) { userErrors { message } } }";
    server.ask(server.token(), queue, json!({}));
    let since = "2026-01-02T03:04:05+01:00";
    let chosen = ["--queue", "erp", "--priority", "-5", "--since", since, "--title", "by hand"];
    let first = server.verb(&[&["start", "slow", "--json"][..], &chosen].concat()).json();
    let read = "query($id: ID!) { jobResult(id: $id) { queue priority since title } }";
    let told = server.ask(server.token(), read, json!({"id": first["id"]}))["jobResult"].clone();
    let expected = json!({"queue": "erp", "priority": -5, "since": "2026-01-02T02:04:05.000000Z", "title": "by hand"});
    assert_eq!(told, expected);
    let skipped = server.verb(&["start", "slow", "--overlap", "skip", "--json"]).json();
    assert_eq!(skipped["status"], "INFO", "{skipped:#}");
    for (flag, value, told) in [
        ("--queue", "nowhere", "--queue: there is no queue `nowhere`"),
        ("--priority", "1001", "'--priority <NUMBER>'"),
        ("--priority", "high", "'--priority <NUMBER>'"),
        ("--since", "yesterday", "'--since <INSTANT>': write an instant such as"),
        ("--overlap", "wait", "'--overlap <RULE>'"),
        ("--arg", "top=many", "--arg top: \"many\" is not an integer"),
    ] {
        let refused = server.verb(&["start", "slow", flag, value]);
        assert!(refused.code == 2 && refused.stderr.contains(told), "{flag} {value}: {refused:#?}");
    }
    let long = server.verb(&["start", "slow", "--title", &"x".repeat(201)]);
    assert!(long.code == 2 && long.stderr.starts_with("--title: "), "{long:#?}");
}

#[test]
fn a_job_is_switched_off_and_on_and_deleted() {
    let data = folder();
    let server = Server::start(data.path());
    server.save_lines("slow", json!([{"action": "js", "parameters": {"script": "for (;;) {}"}}]));
    assert_eq!(done(&server.verb(&["jobs", "deactivate", "slow"])), "Job slow: inactive at version 2.\n");
    assert!(done(&server.verb(&["jobs"])).contains("slow (inactive)"));
    assert_eq!(done(&server.verb(&["jobs", "activate", "slow"])), "Job slow: active at version 3.\n");
    let id = uuid(&server.verb(&["start", "slow", "--json"]).json());
    server.verb(&["start", "slow"]);
    let refused = server.verb(&["jobs", "delete", "slow"]);
    assert!(refused.code == 2 && refused.stderr.contains("2 results of the job have not ended"), "{refused:#?}");
    assert!(refused.stderr.contains("--kill-open"), "{refused:#?}");
    let deleted = server.verb(&["jobs", "delete", "slow", "--kill-open"]);
    assert_eq!(done(&deleted), "Job slow: deleted; 2 results were killed.\n");
    let followed = server.verb(&["logs", "-f", &id]);
    assert!(done(&followed).contains("who deleted the job"), "{followed:#?}");
    let listed = server.verb(&["results", "slow", "--status", "killed", "--json"]).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(2), "{listed:#}");
    let absent = server.verb(&["jobs", "delete", "slow"]);
    assert!(absent.code == 2 && absent.stderr.contains("There is no job `slow`"), "{absent:#?}");
    server.save_lines("slow", json!([{"filter": {}}]));
    assert_eq!(server.verb(&["jobs", "--json"]).json()[0]["version"], 4);
    let ended = server.verb(&["start", "slow", "--follow"]);
    assert!(done(&ended).contains("info: Nothing matched"), "{ended:#?}");
}

#[test]
fn what_is_not_there_is_said_with_the_cure_and_a_failed_job_ends_with_its_code() {
    let data = folder();
    let server = Server::start(data.path());
    server.save_lines("broken", json!([{"action": "fail", "parameters": {"message": "no"}}]));
    assert_eq!(server.verb(&["start", "broken", "--follow"]).code, 1);
    for (arguments, cure) in [
        (["start", "borken"], "`ropewalk jobs`"),
        (["logs", "nonsense"], "`ropewalk results`"),
        (["retry", "nonsense"], "nonsense: there is no such job result in this organization; `ropewalk results`"),
        (["kill", "nonsense"], "nonsense: there is no such job result in this organization; `ropewalk results`"),
    ] {
        let ended = server.verb(&arguments);
        assert!(ended.code == 2 && ended.stderr.contains(cure), "{ended:#?}");
    }
    let unknown = "00000000-0000-7000-8000-000000000000";
    for verb in ["retry", "kill"] {
        let ended = server.verb(&[verb, unknown]);
        assert!(ended.code == 2 && ended.stderr.starts_with(&format!("{unknown}: there is no such")), "{ended:#?}");
    }
    let mut nobody = program();
    nobody.args(["jobs", "--server", &format!("http://{}", server.address)]).env_remove("ROPEWALK_TOKEN");
    let ended: Ended = nobody.output().expect("the program starts").into();
    assert_eq!((ended.code, ended.stderr.as_str()), (2, "No token. Give one with --token or ROPEWALK_TOKEN.\n"));
}
