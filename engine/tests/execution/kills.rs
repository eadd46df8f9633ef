use std::time::Duration;

use serde_json::json;

use crate::harness::{Harness, harness, harness_with, refusal};
use engine::execution::outcome::Ending;
use engine::model::fairness::Capacity;
use engine::model::lifecycle::waiting::Waiting;
use engine::model::refusal::RefusalCode;
use engine::model::result::ResultId;
use engine::model::status::Status;
use engine::ports::actions::{Failure, FailureKind};
use engine::ports::queue::Claim;

#[tokio::test]
async fn a_pending_result_is_killed_before_it_begins() {
    let harness = harness().await;
    harness.save(json!({"key": "job", "lines": [{"action": "pass"}]})).await;
    let started = harness.start(json!({}), json!([])).await.unwrap();
    let killed = harness.engine.results().kill(&harness.access, started.id, Some("wrong day")).await.unwrap();
    assert_eq!(
        (killed.status, killed.message.as_str()),
        (Status::Killed, "Killed by tester (wrong day) before it began.")
    );
    assert!(harness.step().await.is_none(), "nothing is left to do");
    let again = refusal(harness.engine.results().kill(&harness.access, started.id, None).await);
    assert_eq!((again.code, again.path.as_str()), (RefusalCode::AlreadyFinished, "id"));
    assert_eq!(again.message, "The job result has already ended as `killed`, so it cannot be killed.");
}

#[tokio::test]
async fn a_running_line_is_cut_and_nothing_changes_afterwards() {
    let harness = harness().await;
    let lines = json!([{"action": "pass"}, {"name": "stuck", "action": "echo", "parameters": {"hang": true}}, {"action": "pass"}]);
    harness.save(json!({"key": "job", "lines": lines})).await;
    let started = harness.start(json!({}), json!([{"n": 1}])).await.unwrap();
    let mut events = harness.engine.events().listen();
    let running = tokio::spawn({
        let engine = harness.engine.clone();
        async move { engine.worker(1).step().await.unwrap() }
    });
    loop {
        let lines = harness.stores.history.lines(harness.access.scope(), &[started.id]).await.unwrap();
        if lines.iter().any(|(_, line)| line.line_no == 20) {
            break;
        }
        events.recv().await.unwrap();
    }
    let killed = harness.engine.results().kill(&harness.access, started.id, None).await.unwrap();
    assert_eq!(
        killed.message,
        "Killed by tester in line 20 (stuck) after 0 of 1 records; 1 line was completed before."
    );
    assert!(running.await.unwrap().is_none(), "the worker lost its lease");
    let lines = harness.stores.history.lines(harness.access.scope(), &[started.id]).await.unwrap();
    let statuses: Vec<_> = lines.iter().map(|(_, line)| line.status).collect();
    assert_eq!(statuses, [Status::Success, Status::Killed]);
    let found = harness.stores.history.find(harness.access.scope(), started.id).await.unwrap().unwrap();
    assert_eq!(found, killed);
}

/// A result that is running in a line that does not end by itself.
async fn stuck(harness: &Harness) -> (ResultId, tokio::task::JoinHandle<bool>) {
    let started = harness.start(json!({}), json!([{"n": 1}])).await.unwrap();
    let mut events = harness.engine.events().listen();
    let engine = harness.engine.clone();
    let running = tokio::spawn(async move { engine.worker(1).step().await.unwrap().is_some() });
    while harness.engine.results().lines(harness.access.scope(), &[started.id]).await.unwrap().is_empty() {
        events.recv().await.unwrap();
    }
    (started.id, running)
}

fn hanging() -> serde_json::Value {
    json!({"key": "job", "lines": [{"action": "echo", "parameters": {"hang": true}}]})
}

#[tokio::test]
async fn a_line_that_hangs_is_let_go_in_time() {
    let harness = harness().await;
    harness.save(hanging()).await;
    let (id, running) = stuck(&harness).await;
    let results = harness.engine.results();
    let kill = tokio::time::timeout(Duration::from_millis(100), results.kill(&harness.access, id, None));
    assert_eq!(kill.await.expect("an answer at once").unwrap().status, Status::Killed);
    let ended = tokio::time::timeout(Duration::from_secs(5), running).await.expect("the worker is free again");
    assert!(!ended.unwrap(), "it has no result to show");
}

#[tokio::test]
async fn a_result_in_a_retry_wait_is_killed_and_never_tried_again() {
    let busy = |_: &_, _: &_| Err(Failure::new(FailureKind::Temporary { retry_after: None }, "Busy."));
    let harness = harness_with(busy).await;
    let retry = json!({"attempts": 5, "delay": "1h"});
    harness.save(json!({"key": "job", "lines": [{"action": "own", "retry": retry}]})).await;
    let started = harness.start(json!({}), json!([{"n": 1}])).await.unwrap();
    let claim = |now| Claim { node: harness.engine.node_id(), capacity: Capacity { slots: 1, spare: 0 }, now };
    let claims = harness.stores.queue.claim(claim(harness.engine.now())).await.unwrap();
    let claimed = claims.claimed.into_iter().next().unwrap();
    assert!(matches!(harness.engine.perform(claimed).await.unwrap(), Ending::Postponed));
    let killed = harness.engine.results().kill(&harness.access, started.id, Some("enough")).await.unwrap();
    assert_eq!(killed.status, Status::Killed);
    let later = harness.stores.queue.claim(claim("2036-01-01T00:00:00Z".parse().unwrap())).await.unwrap();
    assert!(later.claimed.is_empty() && later.next_due.is_none(), "{later:?}");
    let lines = harness.engine.results().lines(harness.access.scope(), &[started.id]).await.unwrap();
    assert_eq!((lines[0].1.status, lines[0].1.retry_at), (Status::Killed, None));
    assert_eq!(harness.stores.history.find(harness.access.scope(), started.id).await.unwrap(), Some(killed));
}

#[tokio::test]
async fn one_that_waits_behind_another_is_killed_and_the_next_takes_its_place() {
    let harness = harness().await;
    harness.save(hanging()).await;
    let (first, running) = stuck(&harness).await;
    let second = harness.start(json!({}), json!([])).await.unwrap();
    let third = harness.start(json!({}), json!([])).await.unwrap();
    let waiting = harness.stores.history.waiting(harness.access.scope(), &[second.id]).await.unwrap();
    assert!(matches!(waiting[..], [(_, Waiting::Behind(other))] if other == first), "{waiting:?}");
    let killed = harness.engine.results().kill(&harness.access, second.id, None).await.unwrap();
    assert_eq!((killed.status, killed.message.as_str()), (Status::Killed, "Killed by tester before it began."));
    harness.engine.results().kill(&harness.access, first, None).await.unwrap();
    running.await.unwrap();
    let claim =
        Claim { node: harness.engine.node_id(), capacity: Capacity { slots: 9, spare: 0 }, now: harness.engine.now() };
    let claims = harness.stores.queue.claim(claim).await.unwrap();
    let taken: Vec<_> = claims.claimed.iter().map(|claimed| claimed.result.id).collect();
    assert_eq!(taken, [third.id]);
}
