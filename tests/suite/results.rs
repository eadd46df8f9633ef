//! What the command line shows of one job result.

use serde_json::json;

use crate::served::Server;
use crate::support::{done, folder};

#[test]
fn a_failed_result_names_its_line_and_the_reason() {
    let data = folder();
    let server = Server::start(data.path());
    let script = "records => ({ records, rejected: [{ index: 0, reason: 'it has \\u001b[31m no price' }] })";
    let lines = json!([
        {"action": "js", "parameters": {"script": script}},
        {"name": "send", "action": "fail", "parameters": {"message": "The partner is away."}},
    ]);
    let arguments = json!({"properties": {"top": {"type": "integer", "default": 3}}});
    let saved = server.save(server.token(), json!({"key": "orders", "arguments": arguments, "lines": lines}));
    assert_eq!(saved["userErrors"], json!([]), "{saved:#}");
    let started =
        server.run_job(server.token(), json!({"job": "orders", "title": "by hand", "records": [{"n": 1}, {"n": 2}]}));
    let id = started["jobResult"]["id"].as_str().expect("an id").to_owned();
    server.await_end(server.token(), &id);

    let shown = server.verb(&["show", &id]);
    for part in [
        "by hand",
        "error\n",
        "Stopped at line 20 (send)",
        "token ",
        "{\"top\":3}",
        "ended",
        "it ran ",
        "standard/fail  error",
        "The partner is away.",
        "rejected at line 10: it has \u{fffd}[31m no price — {\"n\":1}",
    ] {
        let lines: Vec<_> = done(&shown).lines().map(|line| format!("{}\n", line.trim_end())).collect();
        assert!(lines.concat().contains(part), "`{part}` is not in {}", shown.stdout);
    }
    let object = server.verb(&["show", &id, "--json"]).json();
    assert_eq!((&object["id"], &object["failedLine"]), (&json!(id), &json!(20)), "{object:#}");
    assert_eq!(object["lines"][0]["rejected"][0]["record"], json!({"n": 1}), "{object:#}");

    let log = server.verb(&["logs", &id]);
    let last: Vec<_> = done(&log).lines().rev().take(2).collect();
    assert!(last[1].starts_with("error: Stopped at line 20 (send)"), "{log:#?}");
    assert!(last[0].starts_with("failed line: 20 (send): ") && last[0].contains("The partner is away."), "{log:#?}");
    let log = server.verb(&["logs", &id, "--json"]);
    let last: serde_json::Value = serde_json::from_str(done(&log).lines().last().expect("a line")).expect("JSON");
    assert_eq!((&last["status"], &last["failedLine"]), (&json!("ERROR"), &json!(20)));

    let retried = server.verb(&["retry", &id, "--json"]).json();
    let retry = retried["uuid"].as_str().expect("a UUID");
    server.await_end(server.token(), retry);
    let shown = server.verb(&["show", &id]);
    assert!(done(&shown).contains(&format!("{retry} of orders: error")), "{}", shown.stdout);
    let of_retry = server.verb(&["show", retry]);
    assert!(done(&of_retry).contains("retry of"), "{}", of_retry.stdout);
}

#[test]
fn what_waits_and_what_a_dry_run_would_do_is_shown() {
    let data = folder();
    let server = Server::start(data.path());
    let lines = json!([{"action": "collection.write", "parameters": {"collection": "orders", "key": "n"}}]);
    done(&server.verb(&["module", "grant", "collections", "collections=orders"]));
    server.save(server.token(), json!({"key": "keep", "lines": lines}));
    server.save(
        server.token(),
        json!({"key": "slow", "lines": [{"action": "js", "parameters": {"script": "for (;;) {}"}}]}),
    );
    let started = |arguments: &[&str]| {
        server.verb(&[arguments, &["--json"]].concat()).json()["uuid"].as_str().expect("a UUID").to_owned()
    };
    let records = crate::support::write(data.path(), "r.json", "[{\"n\": 1}]");
    let dry = started(&["start", "keep", "--dry-run", "--data", &records]);
    server.await_end(server.token(), &dry);
    let shown = server.verb(&["show", &dry]);
    assert!(done(&shown).contains("(dry run)") && shown.stdout.contains("would do at line 10: "), "{}", shown.stdout);
    let first = started(&["start", "slow"]);
    let second = started(&["start", "slow"]);
    let shown = server.verb(&["show", &second]);
    assert!(done(&shown).contains("waits for") && shown.stdout.contains(&first), "{}", shown.stdout);
}
