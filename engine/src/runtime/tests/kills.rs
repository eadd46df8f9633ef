use std::sync::Arc;

use serde_json::json;

use super::harness::harness;
use crate::model::status::Status;
use crate::ports::results::KillError;

#[tokio::test]
async fn a_pending_result_is_killed_before_it_begins() {
    let harness = harness().await;
    harness.save(json!({"key": "job", "lines": [{"action": "pass"}]})).await;
    let started = harness.start(json!({}), json!([])).await.unwrap();
    let killed = harness.engine.kill(&harness.access, started.id, Some("wrong day")).await.unwrap();
    assert_eq!(
        (killed.status, killed.message.as_str()),
        (Status::Killed, "Killed by tester (wrong day) before it began.")
    );
    assert!(harness.step().await.is_none(), "nothing is left to do");
    let again = harness.engine.kill(&harness.access, started.id, None).await;
    assert!(matches!(again, Err(KillError::Ended(Status::Killed))));
}

#[tokio::test]
async fn a_running_line_is_cut_and_nothing_changes_afterwards() {
    let harness = harness().await;
    let lines = json!([{"action": "pass"}, {"name": "stuck", "action": "echo", "parameters": {"hang": true}}, {"action": "pass"}]);
    harness.save(json!({"key": "job", "lines": lines})).await;
    let started = harness.start(json!({}), json!([{"n": 1}])).await.unwrap();
    let mut notices = harness.engine.notices.listen();
    let at_work = tokio::spawn({
        let engine = Arc::clone(&harness.engine);
        async move { crate::runtime::worker::Worker::new(engine, 1).step().await.unwrap() }
    });
    loop {
        let lines = harness.engine.results.lines(harness.access.scope(), &[started.id]).await.unwrap();
        if lines.iter().any(|(_, line)| line.line_no == 20) {
            break;
        }
        notices.recv().await.unwrap();
    }
    let killed = harness.engine.kill(&harness.access, started.id, None).await.unwrap();
    assert_eq!(killed.message, "Killed by tester in line 20 (stuck) after 0 of 1 records; 1 line was done before.");
    assert!(at_work.await.unwrap().is_none(), "the worker lost its lease");
    let lines = harness.engine.results.lines(harness.access.scope(), &[started.id]).await.unwrap();
    let statuses: Vec<_> = lines.iter().map(|(_, line)| line.status).collect();
    assert_eq!(statuses, [Status::Success, Status::Killed]);
    let found = harness.engine.results.find(harness.access.scope(), started.id).await.unwrap().unwrap();
    assert_eq!(found, killed);
}
