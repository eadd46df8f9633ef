//! Lines that run only on a condition, and what templates see of earlier results and lines.

use serde_json::{Value, json};

use crate::harness::{all, faults, harness, statuses, told};
use engine::execution::start::Start;
use engine::model::status::Status::{Error, Info, Skipped, Success};

fn numbers(upto: i64) -> Value {
    (1..=upto).map(|n| json!({"n": n})).collect()
}

#[tokio::test]
async fn a_line_runs_only_when_its_condition_holds() {
    let harness = harness().await;
    let lines = json!([
        {"name": "check", "filter": {"where": {"n": {"gt": 1}}}},
        {"when": {"count": {"gt": 5}}, "action": "fail"},
        {"when": {"count": {"gt": 0}, "args.mode": "full", "lines.check.status": {"ne": "warning"}}, "action": "count"},
        {"when": {"or": [{"args.mode": "part"}, {"not": {"count": 1}}]}, "action": "fail"},
        {"when": {"args.most": {"gte": "$<count>"}}, "action": "pass"},
        {"when": {"count": {"lt": {"field": "args.most"}}}, "action": "pass"},
    ]);
    let arguments = json!({"properties": {"mode": {"type": "string"}, "most": {"type": "integer"}}});
    harness.save(json!({"key": "job", "arguments": arguments, "lines": lines})).await;
    harness.start(json!({"mode": "full", "most": 2}), numbers(4)).await.unwrap();
    let performed = harness.step().await.unwrap();
    let expected = [(10, Success), (20, Skipped), (30, Success), (40, Skipped), (50, Success), (60, Success)];
    assert_eq!(statuses(&performed), expected);
    assert_eq!(performed.lines[1].message, "Skipped: `count` is 3, but `when` requires {\"gt\":5}.");
    assert_eq!(performed.lines[3].message, "Skipped: `or` in `when` does not hold.");
    assert_eq!(all(&performed), [json!({"n": 3})], "the set went on unchanged past skipped lines");
    assert_eq!(performed.result.status, Success);
}

#[tokio::test]
async fn faults_of_a_condition_are_found_when_the_job_is_saved() {
    let harness = harness().await;
    let told = async |when: Value| {
        let job = json!({"key": "job", "arguments": {"properties": {"mode": {}}}, "lines": [
            {"name": "first", "action": "pass"},
            {"when": when, "action": "pass"},
        ]});
        told(harness.engine.jobs().save(&harness.access, job, None).await)
    };
    let cases = [
        (json!({"cuont": 1}), "lines[1].when.cuont: there is no variable `cuont`; did you mean `count`?"),
        (json!({"args.mod": 1}), "lines[1].when.args.mod: the job declares no argument `mod`; did you mean `mode`?"),
        (json!({"lines.frist.count": 1}), "lines[1].when.lines.frist.count: there is no earlier line `frist`"),
        (json!({"count": {"grt": 1}}), "lines[1].when.count.grt: there is no operator `grt`"),
        (json!({"or": [{"count": {"lt": {"field": "mots"}}}]}), "lines[1].when.count: there is no variable `mots`"),
        (json!({"count": "$<tody>"}), "lines[1].when.count.eq: there is no variable `tody`; did you mean `today`?"),
    ];
    for (when, beginning) in cases {
        let told = told(when).await;
        assert!(told.len() == 1 && told[0].starts_with(beginning), "{told:#?} is not {beginning}");
    }
}

#[tokio::test]
async fn a_job_of_which_no_line_had_to_run_is_info() {
    let job = json!({"key": "job", "lines": [{"when": {"count": {"gt": 5}}, "action": "fail"}]});
    let performed = harness().await.perform(job, numbers(1)).await;
    assert_eq!(performed.result.message, "No line had to run.");
}

#[tokio::test]
async fn records_that_a_template_cannot_see_all_of_are_an_error_and_never_a_cut_list() {
    let lines = json!([
        {"name": "all", "action": "pass"},
        {"action": "echo", "parameters": {"to": "$<lines.all.records>"}},
    ]);
    let few = harness().await.perform(json!({"key": "job", "lines": lines}), numbers(3)).await;
    assert_eq!(all(&few)[0]["to"].as_array().map(Vec::len), Some(3));
    let many = harness().await.perform(json!({"key": "job", "lines": lines}), numbers(3000)).await;
    assert_eq!(statuses(&many), [(10, Success), (20, Error)]);
    let expected = "lines[1].parameters.to: `lines.all.records` has 3000 records, but a template can see at most 1000; \
                    read them all with the source { line: all } of a filter";
    assert_eq!(many.lines[1].message, expected);
    let one = json!([{"action": "echo", "parameters": {"first": "$<records.0.n>"}}]);
    let one = harness().await.perform(json!({"key": "job", "lines": one}), numbers(3000)).await;
    assert_eq!(all(&one), [json!({"first": 1})], "one record of many is no cut list");
    let whole = json!([{"action": "echo", "parameters": {"to": "$<records>"}}]);
    let many = harness().await.perform(json!({"key": "job", "lines": whole}), numbers(3000)).await;
    let message = &many.lines[0].message;
    assert!(message.starts_with("lines[0].parameters.to: `records` has 3000 records"), "{message}");
}

#[tokio::test]
async fn since_is_the_beginning_of_time_until_a_first_success() {
    let harness = harness().await;
    let lines = json!([
        {"filter": {"where": {"updated": {"gte": "$<since>"}}}},
        {"action": "echo", "parameters": {"since": "$<since>", "before": "$<since-1h>", "first": "$<firstRun>"}},
    ]);
    harness.save(json!({"key": "job", "lines": lines})).await;
    let old = json!([{"updated": "1970-01-01T00:00:00Z"}]);
    harness.start(json!({}), old.clone()).await.unwrap();
    let first = harness.step().await.unwrap();
    let beginning = "0001-01-01T00:00:00Z";
    assert_eq!(all(&first), [json!({"since": beginning, "before": beginning, "first": true})]);
    harness.start(json!({}), json!([{"updated": "2030-01-01T00:00:00Z"}])).await.unwrap();
    let second = harness.step().await.unwrap();
    assert_eq!(all(&second)[0]["since"], "2026-11-20T10:30:00+01:00");
    assert_eq!(all(&second)[0]["first"], false);
    let since = Some("2020-01-01T00:00:00Z".parse().unwrap());
    let start = Start { job: "job".into(), records: Some(vec![old[0].clone()]), since, ..Start::default() };
    harness.engine.jobs().start(&harness.access, start).await.unwrap();
    let given = harness.step().await.unwrap();
    assert_eq!(statuses(&given), [(10, Info), (20, Skipped)]);
}

#[tokio::test]
async fn a_secret_is_not_to_be_passed_as_an_argument() {
    let harness = harness().await;
    let job = json!({"key": "job", "lines": [{"action": "echo", "parameters": {"to": "$<secret.x>"}}]});
    let faults = faults(harness.engine.jobs().save(&harness.access, job, None).await);
    let message = &faults[0].message;
    assert!(message.starts_with("this version keeps no secrets; do not write one into a job"), "{message}");
}
