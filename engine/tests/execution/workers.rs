use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::harness::{Harness, harness, harness_with};
use engine::model::fairness::Capacity;
use engine::model::result::{JobResult, ResultId};
use engine::model::status::Status;
use engine::ports::actions::{Failure, FailureKind, Outcome};
use engine::ports::queue::Claim;

const GRACE: Duration = Duration::from_millis(50);

impl Harness {
    fn work(&self, slots: usize) -> (JoinHandle<()>, CancellationToken) {
        let stop = CancellationToken::new();
        (tokio::spawn(self.engine.worker(slots).work(stop.clone(), GRACE)), stop)
    }

    /// Waits until the result stands like this; events say when to look.
    async fn await_status(&self, id: ResultId, status: Status) -> JobResult {
        let mut events = self.engine.events().listen();
        loop {
            let found = self.stores.history.find(self.access.scope(), id).await.unwrap().unwrap();
            if found.status == status {
                return found;
            }
            let _ = tokio::time::timeout(Duration::from_millis(200), events.recv()).await;
        }
    }
}

#[tokio::test]
async fn a_worker_performs_what_waits_and_stops_when_it_is_told() {
    let harness = harness().await;
    harness.save(json!({"key": "job", "lines": [{"action": "pass"}]})).await;
    let (running, stop) = harness.work(2);
    for _ in 0..5 {
        let started = harness.start(json!({}), json!([{"n": 1}])).await.unwrap();
        harness.await_status(started.id, Status::Success).await;
    }
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn a_fault_of_the_engine_ends_the_result_and_not_the_worker() {
    let harness = harness().await;
    harness.save(json!({"key": "job", "lines": [{"action": "panic"}]})).await;
    let (running, stop) = harness.work(1);
    let broken = harness.start(json!({}), json!([])).await.unwrap();
    let ended = harness.await_status(broken.id, Status::Error).await;
    assert!(ended.message.contains("An internal error of the engine"), "{}", ended.message);
    let lines = harness.stores.history.lines(harness.access.scope(), &[broken.id]).await.unwrap();
    assert_eq!(lines[0].1.status, Status::Error);
    harness.save(json!({"key": "job", "lines": [{"action": "pass"}]})).await;
    let next = harness.start(json!({}), json!([{"n": 1}])).await.unwrap();
    harness.await_status(next.id, Status::Success).await;
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn a_stop_claims_nothing_more_and_hands_back_what_takes_too_long() {
    let harness = harness().await;
    harness
        .save(json!({"key": "job", "overlap": "allow", "lines": [{"action": "echo", "parameters": {"hang": true}}]}))
        .await;
    let (running, stop) = harness.work(1);
    let first = harness.start(json!({}), json!([])).await.unwrap();
    harness.await_status(first.id, Status::Running).await;
    let second = harness.start(json!({}), json!([])).await.unwrap();
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(5), running).await.expect("the worker stops").unwrap();
    let (node, capacity) = (harness.engine.node_id(), Capacity { slots: 9, spare: 0 });
    let claims = harness.stores.queue.claim(Claim { node, capacity, now: harness.engine.now() }).await.unwrap();
    let again: Vec<_> = claims.claimed.iter().map(|claimed| (claimed.result.id, claimed.result.attempt)).collect();
    assert_eq!(again, [(first.id, 1), (second.id, 1)], "both wait, and the cut attempt does not count");
}

#[tokio::test]
async fn a_worker_that_rests_comes_back_for_a_try_when_it_is_due() {
    static TRIES: AtomicU32 = AtomicU32::new(0);
    let harness = harness_with(|_, _| match TRIES.fetch_add(1, Ordering::SeqCst) {
        0 => Err(Failure::new(FailureKind::Temporary { retry_after: None }, "Busy.")),
        _ => Ok(Outcome::default()),
    });
    let harness = harness.await.on_the_systems_clock();
    let lines = json!([{"action": "own", "retry": {"delay": "30ms"}}]);
    harness.save(json!({"key": "job", "lines": lines})).await;
    let (running, stop) = harness.work(2);
    let started = harness.start(json!({}), json!([{"n": 1}])).await.unwrap();
    let waited = harness.await_status(started.id, Status::Success);
    tokio::time::timeout(Duration::from_secs(10), waited).await.expect("long before the next sweep");
    stop.cancel();
    running.await.unwrap();
}
