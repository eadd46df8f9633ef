use serde_json::{Value, json};

use crate::harness::{all, harness, statuses};
use engine::model::status::Status::{Error, Info, Skipped, Success, Warning};

fn job(lines: Value) -> Value {
    json!({"key": "job", "lines": lines})
}

fn numbers(upto: i64) -> Value {
    (1..=upto).map(|n| json!({"n": n})).collect()
}

#[tokio::test]
async fn a_filter_replaces_the_set_by_its_source_or_chooses_from_it() {
    let lines = json!([
        {"filter": {"source": {"inline": numbers(5)}, "where": {"n": {"gt": 2}}}},
        {"filter": {"where": {"n": {"lt": 5}}, "orderBy": "-n"}},
    ]);
    let performed = harness().await.perform(job(lines), numbers(100)).await;
    assert_eq!(all(&performed), [json!({"n": 4}), json!({"n": 3})]);
    assert_eq!(performed.result.status, Success);
    assert_eq!(performed.result.message, "All 2 lines did their work; 2 records came out.");
    assert_eq!((performed.result.counters.records_in, performed.result.counters.records_out), (5, 2));
}

#[tokio::test]
async fn no_record_is_seen_twice_or_missed_between_batches() {
    let mut batched = job(json!([{"action": "count"}]));
    batched["batchSize"] = json!(40);
    let performed = harness().await.perform(batched, numbers(100)).await;
    assert_eq!(all(&performed), [json!({"n": 40}), json!({"n": 40}), json!({"n": 20})]);
    let whole = harness().await.perform(job(json!([{"action": "whole"}])), numbers(5000)).await;
    assert_eq!(all(&whole), [json!({"n": 5000})]);
}

#[tokio::test]
async fn an_action_that_returns_nothing_leaves_the_set() {
    let performed = harness().await.perform(job(json!([{"action": "pass"}])), numbers(3)).await;
    assert_eq!(Value::Array(all(&performed)), numbers(3));
    assert_eq!(performed.lines[0].message, "test/pass took 3 records and passed on 3.");
}

#[tokio::test]
async fn rejected_records_leave_the_set_with_their_reason_and_make_a_warning() {
    let performed = harness().await.perform(job(json!([{"name": "odd", "action": "reject-odd"}])), numbers(4)).await;
    assert_eq!(all(&performed), [json!({"n": 2}), json!({"n": 4})]);
    let told: Vec<_> = performed
        .rejected
        .iter()
        .map(|(line_no, one)| (*line_no, one.record["n"].clone(), one.reason.as_str()))
        .collect();
    assert_eq!(told, [(10, json!(1), "1 is odd"), (10, json!(3), "3 is odd")]);
    assert_eq!((performed.result.status, performed.result.counters.records_rejected), (Warning, 2));
    assert_eq!(performed.result.message, "Line 10 (odd): Rejected 2 of 4 records; the first: 1 is odd.");
}

#[tokio::test]
async fn a_line_that_rejects_everything_is_in_error_and_nothing_goes_on() {
    let lines = json!([{"action": "reject-odd"}, {"action": "count"}]);
    let going_on = json!({"key": "job", "stopsOnError": false, "lines": lines});
    let performed = harness().await.perform(going_on, json!([{"n": 1}, {"n": 3}])).await;
    assert_eq!(statuses(&performed), [(10, Error), (20, Info)]);
    assert_eq!(performed.lines[1].counters.records_in, 0);
    assert_eq!(all(&performed), Vec::<Value>::new());
    assert_eq!(performed.result.status, Error);
}

#[tokio::test]
async fn a_job_that_stops_on_error_skips_the_rest() {
    let stopping = job(json!([{"action": "count"}, {"name": "boom", "action": "fail"}, {"action": "pass"}]));
    let performed = harness().await.perform(stopping, numbers(7)).await;
    assert_eq!(statuses(&performed), [(10, Success), (20, Error), (30, Skipped)]);
    assert_eq!(performed.result.message, "Stopped at line 20 (boom) after 1 record: It fails on purpose.");
    assert_eq!(performed.lines[2].message, "The job had stopped at line 20.");
}

#[tokio::test]
async fn a_job_that_goes_on_ends_with_the_worst_status() {
    let lines = json!([{"action": "fail"}, {"action": "warn"}, {"action": "pass"}]);
    let going_on = json!({"key": "job", "stopsOnError": false, "lines": lines});
    let performed = harness().await.perform(going_on, numbers(2)).await;
    assert_eq!(statuses(&performed), [(10, Error), (20, Warning), (30, Success)]);
    assert_eq!(performed.result.status, Error);
    assert_eq!(Value::Array(all(&performed)), numbers(2));
}

#[tokio::test]
async fn a_line_overrides_what_the_job_says_of_errors() {
    let mut going_on = job(json!([{"action": "fail", "onError": "stop"}, {"action": "pass"}]));
    going_on["stopsOnError"] = json!(false);
    assert_eq!(statuses(&harness().await.perform(going_on, numbers(1)).await), [(10, Error), (20, Skipped)]);
    let stopping = job(json!([{"action": "fail", "onError": "continue"}, {"action": "pass"}]));
    assert_eq!(statuses(&harness().await.perform(stopping, numbers(1)).await), [(10, Error), (20, Success)]);
}

#[tokio::test]
async fn the_line_that_stopped_is_named_and_not_one_that_failed_before() {
    let stopping = job(json!([
        {"name": "first", "action": "fail", "onError": "continue"},
        {"name": "second", "action": "reject-odd"},
        {"action": "pass"},
    ]));
    let performed = harness().await.perform(stopping, json!([{"n": 1}])).await;
    assert_eq!(statuses(&performed), [(10, Error), (20, Error), (30, Skipped)]);
    let told = "Stopped at line 20 (second) after 1 record: Rejected the only record; the first: 1 is odd.";
    assert_eq!(performed.result.message, told);
}

#[tokio::test]
async fn a_costly_filter_meets_its_timeout() {
    let patterns: Vec<_> = (0..90).map(|n| json!({"t": {"matches": format!("x{n}.*y.*z$")}})).collect();
    let lines = json!([{"timeout": "1ms", "filter": {"where": {"or": patterns}}}]);
    let records: Value = (0..2000).map(|_| json!({"t": "x".repeat(500)})).collect();
    let performed = harness().await.perform(job(lines), records).await;
    assert!(performed.lines[0].message.contains("timeout of 1ms"), "{}", performed.lines[0].message);
}

#[tokio::test]
async fn what_a_placeholder_brings_is_a_value_and_never_an_operator() {
    let harness = harness().await;
    harness.save(job(json!([{"filter": {"where": {"n": "$<args.n>"}}}]))).await;
    harness.start(json!({"n": {"ne": null}}), numbers(3)).await.unwrap();
    let performed = harness.step().await.unwrap();
    assert_eq!((performed.result.status, performed.records.len()), (Info, 0));
}

#[tokio::test]
async fn what_is_too_large_to_keep_leaves_a_mark() {
    let long = "x".repeat(100_000);
    let lines = json!([{"action": "echo", "parameters": {"said": long}}]);
    let performed = harness().await.perform(job(lines), numbers(1)).await;
    assert_eq!(all(&performed)[0]["said"], long);
    assert_eq!(*performed.lines[0].parameters, "… 100011 bytes, too large to keep");
    assert!(performed.lines[0].sample.cut);
}

#[tokio::test]
async fn a_filter_that_leaves_nothing_ends_the_job_as_info() {
    let lines = json!([{"name": "none", "filter": {"where": {"n": 99}}}, {"action": "fail"}]);
    let performed = harness().await.perform(job(lines.clone()), numbers(3)).await;
    assert_eq!(statuses(&performed), [(10, Info), (20, Skipped)]);
    assert_eq!((performed.result.status, performed.result.message.as_str()), (Info, "Nothing matched at line 10."));
    let mut going_on = job(lines);
    going_on["onEmpty"] = json!("continue");
    assert_eq!(statuses(&harness().await.perform(going_on, numbers(3)).await), [(10, Info), (20, Error)]);
}

#[tokio::test]
async fn an_action_that_gets_no_records_had_nothing_to_do() {
    let lines = json!([{"action": "pass"}, {"action": "count"}, {"action": "whole"}]);
    let performed = harness().await.perform(job(lines), json!([])).await;
    assert_eq!(statuses(&performed), [(10, Info), (20, Info), (30, Success)]);
    assert_eq!(performed.lines[0].message, "There was nothing to do.");
}

#[tokio::test]
async fn a_warning_without_a_word_is_not_lost() {
    let lines = json!([{"action": "pass", "parameters": {"warnAtClose": true}}]);
    let performed = harness().await.perform(job(lines), numbers(2)).await;
    assert_eq!((statuses(&performed), performed.result.status), (vec![(10, Warning)], Warning));
}

#[tokio::test]
async fn a_field_that_no_record_has_is_a_warning_unless_it_is_meant() {
    let line = json!({"action": "pass", "parameters": {"by": ["-nn", "n"]}});
    let performed = harness().await.perform(job(json!([line])), numbers(3)).await;
    assert_eq!(statuses(&performed), [(10, Warning)]);
    let expected = "test/pass took 3 records and passed on 3. No record has a field \"nn\"; did you mean \"n\"?";
    assert_eq!(performed.lines[0].message, expected);
    let mut meant = line.clone();
    meant["fields"] = json!("optional");
    assert_eq!(statuses(&harness().await.perform(job(json!([meant])), numbers(3)).await), [(10, Success)]);
    let nothing = harness().await.perform(job(json!([line])), json!([])).await;
    assert_eq!(statuses(&nothing), [(10, Info)], "nothing can be missing where there are no records");
}

#[tokio::test]
async fn inactive_lines_are_skipped_and_say_so() {
    let performed = harness()
        .await
        .perform(job(json!([{"action": "fail", "active": false}, {"action": "idle"}])), numbers(1))
        .await;
    assert_eq!(statuses(&performed), [(10, Skipped), (20, Info)]);
    assert_eq!(performed.lines[0].message, "The line is inactive.");
    assert_eq!((performed.result.status, performed.result.message.as_str()), (Info, "There was nothing to do."));
}

#[tokio::test]
async fn later_lines_see_what_earlier_ones_did() {
    let lines = json!([
        {"name": "big", "filter": {"where": {"n": {"gt": 3}}}},
        {"action": "echo", "parameters": {"said": "${lines.big.message} ${lines.10.status} ${count} ${records.0.n} ${today} ${startedBy}"}},
    ]);
    let performed = harness().await.perform(job(lines), numbers(5)).await;
    assert_eq!(all(&performed)[0]["said"], "Chose 2 of 5 records. success 2 4 2026-11-20 tester");
    assert_eq!(*performed.lines[1].parameters, all(&performed)[0]);
}

#[tokio::test]
async fn a_template_that_cannot_be_rendered_is_an_error_of_its_line() {
    let performed = harness()
        .await
        .perform(job(json!([{"action": "echo", "parameters": {"to": "${args.who}"}}])), numbers(1))
        .await;
    assert_eq!(statuses(&performed), [(10, Error)]);
    assert!(performed.lines[0].message.starts_with("lines[0].parameters.to: "), "{}", performed.lines[0].message);
}

#[tokio::test]
async fn rendered_parameters_are_checked_against_the_schema() {
    let lines = json!([{"action": "echo", "parameters": {"count": "${lines.20.status}"}, "lineNo": 30}, {"action": "pass", "lineNo": 20}]);
    let performed = harness().await.perform(job(lines), numbers(1)).await;
    assert_eq!(performed.lines[1].message, "lines[0].parameters.count: \"success\" is not an integer");
}

#[tokio::test]
async fn an_action_that_lies_about_its_records_is_in_error() {
    let performed = harness().await.perform(job(json!([{"action": "lie"}])), numbers(1)).await;
    assert!(performed.lines[0].message.contains("this is a fault of its module"), "{}", performed.lines[0].message);
}

#[tokio::test]
async fn an_action_that_never_comes_back_meets_its_timeout() {
    let lines = json!([{"action": "echo", "timeout": "20ms", "parameters": {"hang": true}}]);
    let performed = harness().await.perform(job(lines), numbers(1)).await;
    assert!(
        performed.lines[0].message.starts_with("The line took longer than its timeout of 20ms"),
        "{}",
        performed.lines[0].message
    );
}

#[tokio::test]
async fn files_outside_the_folder_are_an_error_of_the_line() {
    let performed =
        harness().await.perform(job(json!([{"filter": {"source": {"file": "../etc/passwd.csv"}}}])), numbers(1)).await;
    assert!(
        performed.lines[0].message.contains("outside the organization's folder on the server"),
        "{}",
        performed.lines[0].message
    );
}
