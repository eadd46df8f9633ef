//! Sets that later lines read, over crashes and retries.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::harness::{all, harness, harness_with, statuses, told};
use engine::execution::retry::Retry;
use engine::model::status::Status::{Error, Success};
use engine::ports::actions::{Failure, FailureKind, Outcome};

fn numbers(upto: i64) -> Value {
    (1..=upto).map(|n| json!({"n": n})).collect()
}

#[tokio::test]
async fn a_set_is_still_there_after_the_node_was_lost() {
    static LOST: AtomicBool = AtomicBool::new(false);
    let harness = harness_with(|_, _| {
        if !LOST.swap(true, Ordering::SeqCst) {
            panic!("the node is lost")
        }
        Ok(Outcome { records: Some(Vec::new()), ..Outcome::default() })
    });
    let harness = harness.await.granted().await;
    let lines = json!([
        {"name": "all", "action": "pass"},
        {"action": "own", "parameters": {"effect": true}},
        {"filter": {"source": {"line": "all"}, "where": {"n": {"gt": 40}}}},
    ]);
    harness.save(json!({"key": "job", "batchSize": 1000, "lines": lines})).await;
    harness.start(json!({}), numbers(50)).await.unwrap();
    harness.lose().await;
    let performed = harness.step().await.unwrap();
    assert_eq!(statuses(&performed), [(10, Success), (20, Success), (30, Success)]);
    assert_eq!(all(&performed).len(), 10, "from all 50 records, of which a sample has 20");
}

#[tokio::test]
async fn a_set_is_still_there_in_a_retry() {
    static FAILS: AtomicBool = AtomicBool::new(true);
    let harness = harness_with(|_, _| match FAILS.swap(false, Ordering::SeqCst) {
        true => Err(Failure::new(FailureKind::Final, "No.")),
        false => Ok(Outcome { records: Some(Vec::new()), ..Outcome::default() }),
    });
    let harness = harness.await;
    let lines = json!([
        {"name": "all", "action": "pass"},
        {"action": "own"},
        {"filter": {"source": {"line": 10}}},
    ]);
    let failed = harness.perform(json!({"key": "job", "lines": lines}), numbers(50)).await;
    assert_eq!(failed.result.status, Error);
    harness.engine.results().retry(&harness.access, failed.result.id, Retry::default()).await.unwrap();
    let performed = harness.step().await.unwrap();
    assert_eq!(performed.result.status, Success, "{}", performed.result.message);
    assert_eq!(all(&performed).len(), 50);
}

#[tokio::test]
async fn only_an_earlier_line_can_be_read() {
    let harness = harness().await;
    let faults = async |name: Value| {
        let job = json!({"key": "job", "lines": [
            {"name": "first", "action": "pass"},
            {"name": "own", "filter": {"source": {"line": name}}},
            {"name": "last", "action": "pass"},
        ]});
        match harness.engine.jobs().save(&harness.access, job, None).await {
            Ok(_) => Vec::new(),
            refused => told(refused),
        }
    };
    assert!(faults(json!("first")).await.is_empty());
    assert!(faults(json!(10)).await.is_empty());
    for (name, expected) in [
        (json!("frist"), "there is no earlier line `frist`; did you mean `first`?"),
        (json!("own"), "line `own` has no result yet; use an earlier line"),
        (json!("last"), "line `last` has no result yet; use an earlier line"),
        (json!(15), "there is no earlier line `15`"),
    ] {
        let faults = faults(name).await;
        assert!(faults.len() == 1, "{faults:?}");
        assert!(faults[0].starts_with(&format!("lines[1].filter.source.line: {expected}")), "{faults:?}");
    }
}
