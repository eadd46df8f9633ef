//! Types of sources: the same for every kind of source, and what becomes of records that do not fit.

use serde_json::{Value, json};

use crate::harness::{Harness, all, harness, refusal, statuses};
use engine::execution::outcome::Performed;
use engine::execution::retry::{Retry, RetryMode};
use engine::model::collection::{Change, Entry};
use engine::model::refusal::RefusalCode;
use engine::model::status::Status::{Error, Skipped, Success, Warning};

async fn filter(harness: &Harness, filter: Value) -> Performed {
    let lines = json!([{"filter": filter}, {"action": "pass"}]);
    harness.perform(json!({"key": "job", "lines": lines}), json!([])).await
}

fn rejected(performed: &Performed) -> Vec<String> {
    performed.rejected.iter().map(|(line, one)| format!("{line} {}: {}", one.reason, one.record)).collect()
}

#[tokio::test]
async fn criteria_see_what_the_types_made_of_a_record() {
    let films = json!([{"n": 1, "on": "07/12/1998"}, {"n": 2, "on": "20/11/2026"}, {"n": 3, "on": ""}, {"n": 4}]);
    let source = json!({"inline": films, "types": {"on": {"date": "%d/%m/%Y"}}});
    let performed = filter(&harness().await, json!({"source": source, "where": {"on": {"gt": "2000-01-01"}}})).await;
    assert_eq!(all(&performed), [json!({"n": 2, "on": "2026-11-20"})]);
    let performed = filter(&harness().await, json!({"source": source, "where": {"on": {"isNull": true}}})).await;
    assert_eq!(all(&performed), [json!({"n": 3, "on": null}), json!({"n": 4})]);
}

#[tokio::test]
async fn instants_are_meant_in_the_zone_of_the_job() {
    let source = json!({"inline": [{"at": "2026-11-21 23:00"}], "types": {"at": {"instant": "%Y-%m-%d %H:%M"}}});
    let job = |zone: Value| json!({"key": "job", "timeZone": zone, "lines": [{"filter": {"source": source}}]});
    for (zone, expected) in
        [("Europe/Madrid", "2026-11-21T23:00:00+01:00"), ("Asia/Tokyo", "2026-11-21T23:00:00+09:00")]
    {
        let performed = harness().await.perform(job(json!(zone)), json!([])).await;
        assert_eq!(all(&performed), [json!({"at": expected})]);
    }
}

#[tokio::test]
async fn a_record_that_does_not_fit_is_an_error_that_names_it() {
    let source = json!({"inline": [{"n": "1"}, {"n": "x"}], "types": {"n": "integer"}});
    let performed = filter(&harness().await, json!({"source": source})).await;
    assert_eq!(statuses(&performed)[0], (10, Error));
    let message = &performed.lines[0].message;
    assert!(message.starts_with("record 2, field `n`: `x` is not a whole number. Correct it or its type"), "{message}");
}

#[tokio::test]
async fn rejected_records_are_counted_leave_the_set_and_make_the_line_a_warning() {
    let records = json!([{"n": "1"}, {"n": "x"}, {"n": "3"}, {"n": true}]);
    let source = json!({"inline": records, "types": {"n": "integer"}, "onBadRow": "reject"});
    let performed = filter(&harness().await, json!({"source": source, "where": {"n": {"gt": 1}}})).await;
    assert_eq!(statuses(&performed), [(10, Warning), (20, Success)]);
    assert_eq!(all(&performed), [json!({"n": 3})]);
    let expected = [
        r#"10 record 2, field `n`: `x` is not a whole number: {"n":"x"}"#,
        r#"10 record 4, field `n`: `true` is not a whole number: {"n":true}"#,
    ];
    assert_eq!(rejected(&performed), expected);
    let line = &performed.lines[0];
    assert_eq!((line.counters.records_in, line.counters.records_out, line.counters.records_rejected), (4, 1, 2));
    let message =
        "Chose 1 of 4 records. Rejected 2 of 4 records; the first: record 2, field `n`: `x` is not a whole number.";
    assert_eq!(line.message, message);
}

#[tokio::test]
async fn a_filter_that_rejects_everything_is_in_error() {
    let source = json!({"inline": [{"n": "x"}], "types": {"n": "integer"}, "onBadRow": "reject"});
    let job =
        json!({"key": "job", "stopsOnError": true, "lines": [{"filter": {"source": source}}, {"action": "pass"}]});
    let performed = harness().await.perform(job, json!([])).await;
    assert_eq!(statuses(&performed), [(10, Error), (20, Skipped)]);
    assert!(performed.lines[0].message.starts_with("Rejected the only record; the first: record 1"), "{performed:?}");
    assert_eq!(rejected(&performed).len(), 1);
}

#[tokio::test]
async fn the_store_of_a_collection_judges_nothing_that_has_types() {
    let harness = harness().await;
    let on = ["20/11/2026", "soon", "01/02/2026", "21/11/2026"];
    let entry = |(n, on): (usize, &&str)| Change::Upsert(Entry { key: n.to_string(), data: json!({"n": n, "on": on}) });
    let changes: Vec<_> = on.iter().enumerate().map(entry).collect();
    harness.engine.collections().write(&harness.access, "films", &changes).await.unwrap();
    let source = |reject: &str| json!({"collection": {"name": "films", "keyAs": "key"}, "types": {"on": {"date": "%d/%m/%Y"}}, "onBadRow": reject});
    let definition = json!({"source": source("reject"), "where": {"on": {"startsWith": "2026-11"}}, "limit": 2});
    let performed = filter(&harness, definition).await;
    let (first, second) =
        (json!({"key": "0", "n": 0, "on": "2026-11-20"}), json!({"key": "3", "n": 3, "on": "2026-11-21"}));
    assert_eq!(all(&performed), [first, second], "all records are typed in spite of the limit");
    assert_eq!(performed.lines[0].counters.records_rejected, 1);
    let performed = filter(&harness, json!({"source": source("error"), "where": {"n": 0}, "limit": 1})).await;
    let message = &performed.lines[0].message;
    assert!(
        message.starts_with("Collection `films`, record 2, field `on`: `soon` is not a date of the form"),
        "{message}"
    );
}

#[tokio::test]
async fn rejected_records_of_a_filter_are_not_run_again_alone() {
    let harness = harness().await;
    let source = json!({"inline": [{"n": "1"}, {"n": "x"}], "types": {"n": "integer"}, "onBadRow": "reject"});
    let retry = Retry { mode: RetryMode::Rejected, ..Retry::default() };
    let performed = filter(&harness, json!({"source": source})).await;
    let refused = refusal(harness.engine.results().retry(&harness.access, performed.result.id, retry).await);
    assert_eq!((refused.code, refused.path.as_str()), (RefusalCode::Invalid, "jobResult"));
    assert!(refused.message.contains("correct those in their source"), "{refused}");
    let lines = json!([{"filter": {"source": source}}, {"action": "reject-odd"}]);
    let performed = harness.perform(json!({"key": "job", "lines": lines}), json!([])).await;
    harness.engine.results().retry(&harness.access, performed.result.id, retry).await.unwrap();
    let again = harness.step().await.unwrap();
    assert_eq!(statuses(&again).last(), Some(&(20, Error)), "only line 20, with the record that it rejected");
    assert_eq!(again.lines.last().unwrap().counters.records_in, 1);
}
