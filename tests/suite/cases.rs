//! Jobs as data: `tests/jobs/<case>.json`, and every example.
//!
//! A case holds a job, perhaps `filterTemplates`, the `arguments` and `records` of its start, the text of the
//! `files` beside the job, and in `expect` whatever of the job result matters. A new case is a new file.

use std::fs;

use serde_json::{Map, Value, json};

use crate::support::{folder, root, run, write};

/// The instant at which all cases happen: a Friday morning.
const NOW: &str = "2026-11-20T07:00:00Z";

#[test]
fn every_case_comes_out_as_it_says() {
    let mut cases: Vec<_> =
        fs::read_dir(root().join("tests/jobs")).expect("cases").map(|entry| entry.expect("an entry").path()).collect();
    cases.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    cases.sort();
    assert!(cases.len() >= 8, "the cases are gone");
    for case in cases {
        let name = case.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        let text = fs::read_to_string(&case).expect("a case");
        check(&name, &serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}")));
    }
}

fn check(name: &str, case: &Value) {
    let folder = folder();
    let mut job = case["job"].clone();
    job["key"] = json!(name);
    if let Some(templates) = case.get("filterTemplates") {
        job["filterTemplates"] = templates.clone();
    }
    for (file, text) in case["files"].as_object().into_iter().flatten() {
        write(folder.path(), file, text.as_str().expect("the text of a file"));
    }
    let file = write(folder.path(), "job.json", &job.to_string());
    let records = write(folder.path(), "records.json", &case.get("records").unwrap_or(&json!([])).to_string());
    let mut arguments = vec!["run", &file, "--json", "--now", NOW, "--data", &records];
    let given: Vec<String> = case["arguments"]
        .as_object()
        .unwrap_or(&Map::new())
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    for argument in &given {
        arguments.extend(["--arg", argument]);
    }
    let ended = run(&arguments);
    let expected = &case["expect"];
    assert_part(name, "", &ended.json(), expected);
    let failed = expected["status"] == "error";
    assert_eq!(ended.code, i32::from(failed), "{name}: {ended:#?}");
}

/// Every field of `expected` must be in `actual`; lists must be of one length. A text
/// that begins with `…` must be contained.
fn assert_part(name: &str, path: &str, actual: &Value, expected: &Value) {
    match (actual, expected) {
        (Value::Object(actual), Value::Object(expected)) => {
            for (field, expected) in expected {
                assert_part(name, &format!("{path}.{field}"), actual.get(field).unwrap_or(&Value::Null), expected);
            }
        }
        (Value::Array(actual), Value::Array(expected)) => {
            assert_eq!(actual.len(), expected.len(), "{name}{path}: {actual:#?}");
            for (index, (actual, expected)) in actual.iter().zip(expected).enumerate() {
                assert_part(name, &format!("{path}[{index}]"), actual, expected);
            }
        }
        (Value::String(actual), Value::String(expected)) if expected.starts_with('…') => {
            assert!(actual.contains(expected.trim_start_matches('…')), "{name}{path}: {actual}");
        }
        _ => assert_eq!(actual, expected, "{name}{path}"),
    }
}

fn example(name: &str, more: &[&str]) -> Value {
    let file = format!("examples/{name}.yaml");
    let arguments: Vec<_> =
        ["run", file.as_str(), "--json", "--now", NOW].into_iter().chain(more.iter().copied()).collect();
    run(&arguments).json()
}

#[test]
fn the_weekly_priorities_are_the_five_most_important_of_this_week() {
    let result = example("weekly-priorities", &[]);
    assert_eq!((result["status"].as_str(), result["lines"][0]["recordsOut"].as_u64()), (Some("success"), Some(5)));
    let text = result["records"][0]["text"].as_str().expect("a text");
    assert!(text.starts_with("Priorities of the week (5 tasks, 2026-11-20)\n1. Renew the TLS certificate"), "{text}");
    assert!(text.contains("1. Answer the auditor, second round of questions — Marc Dubois, due today"), "{text}");
    assert!(!text.contains("Lisbon"), "a task that is done is no priority: {text}");
    let three = example("weekly-priorities", &["--arg", "top=3"]);
    assert_eq!(three["lines"][0]["recordsOut"], 3);
}

#[test]
fn the_escalation_tells_each_person_of_tomorrow() {
    let result = example("escalation", &[]);
    let told: Vec<_> = result["records"]
        .as_array()
        .expect("records")
        .iter()
        .map(|record| record["subject"].as_str().expect("a subject"))
        .collect();
    let expected = [
        "Tomasz Nowak: 2 tasks for tomorrow, 16 hours",
        "Aisha Khan: 2 tasks for tomorrow, 3 hours",
        "Rita Sousa: 1 tasks for tomorrow, 3 hours",
    ];
    assert_eq!(told, expected);
    assert_eq!(result["records"][0]["escalatedAt"], "2026-11-20T08:00:00+01:00");
}

#[test]
fn the_workload_watch_warns_of_one_person() {
    let result = example("workload-watch", &[]);
    assert_eq!(result["records"].as_array().map(Vec::len), Some(1));
    assert_eq!(result["records"][0]["warning"], "Tomasz Nowak has 10 tasks until 2026-11-25, the first on Saturday");
    let nobody = example("workload-watch", &["--arg", "most=20"]);
    assert_eq!((nobody["status"].as_str(), nobody["lines"][3]["status"].as_str()), (Some("info"), Some("skipped")));
}

#[test]
fn two_jobs_say_once_what_an_order_is() {
    let unpaid = example("open-orders", &["--job", "open-invoices"]);
    assert_eq!(unpaid["status"], "success", "{unpaid:#}");
    let rows = unpaid["records"].as_array().expect("records");
    assert!(!rows.is_empty() && rows.iter().all(|row| row["open"].as_f64() > Some(0.0)), "{rows:#?}");
    let joined = &unpaid["lines"][0]["parameters"]["where"]["and"];
    assert_eq!(joined[0]["deliveredAt"], serde_json::json!({"gte": "2026-01-01", "lt": "2026-11-21"}));
    assert_eq!(joined[1], serde_json::json!({"invoice.open": {"gt": 0}}));
    let delivered = |from: &str| {
        let result = example("open-orders", &["--job", "deliveries", "--arg", &format!("from={from}")]);
        result["records"].as_array().expect("records").len()
    };
    assert!(delivered("2026-06-01") > delivered("2026-09-01"));
}

#[test]
fn old_orders_are_closed_and_unsound_ones_rejected() {
    let result = example("close-old-orders", &[]);
    let closed: Vec<_> = result["records"]
        .as_array()
        .expect("records")
        .iter()
        .map(|record| (record["id"].as_str(), record["total"].as_f64()))
        .collect();
    assert_eq!(
        closed,
        [(Some("SO-2009"), Some(385.5)), (Some("SO-2001"), Some(247.0)), (Some("SO-2005"), Some(123.0))]
    );
    let rejected: Vec<_> =
        result["rejected"].as_array().expect("rejected").iter().map(|one| one["record"]["id"].as_str()).collect();
    assert_eq!(rejected, [Some("SO-2007"), Some("SO-2003")]);
    assert_eq!(result["status"], "warning");
}

#[test]
fn invoices_are_kept_under_a_grant_and_dry_not_at_all() {
    let granted = ["--grant", "collections:collections=invoices,customers"];
    let result = example("keep-invoices", &granted);
    let large = serde_json::json!([{"no": 7, "customer": {"id": "c1", "name": "Ana"}, "total": 120}]);
    assert_eq!((&result["status"], &result["records"]), (&Value::from("success"), &large), "{result:#}");
    let effects = |result: &Value| {
        let lines = result["lines"].as_array().into_iter().flatten();
        let effects = lines.flat_map(|line| line["effects"].as_array().into_iter().flatten().cloned());
        effects.map(|effect| (effect["done"] == true, effect["summary"].to_string())).collect::<Vec<_>>()
    };
    let done = effects(&result);
    assert_eq!(done.len(), 2, "{result:#}");
    assert!(done.iter().all(|(done, told)| *done && told.contains("2 inserted")), "{done:?}");
    let dry = effects(&example("keep-invoices", &[&granted[..], &["--dry-run"]].concat()));
    assert!(!dry.is_empty() && dry.iter().all(|(done, _)| !done), "{dry:?}");
    let denied = example("keep-invoices", &[]);
    let told = denied["lines"][1]["message"].as_str().expect("a message");
    assert!(told.contains("`--grant collections:collections=customers`"), "{told}");
    assert!(effects(&denied).is_empty(), "{denied:#}");
}
