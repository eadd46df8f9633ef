//! A kill at every moment of a result's life: before and after each call that its worker makes
//! of the store, one after the other.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::harness::{Harness, harness_with};
use crate::model::Instant;
use crate::model::organization::{Access, OrganizationId};
use crate::model::result::{JobResult, ResultId};
use crate::model::status::Status;
use crate::model::turn::Room;
use crate::ports::StoreError;
use crate::ports::actions::{Failure, FailureKind, Outcome};
use crate::ports::parts::{BatchDone, Part};
use crate::ports::queue::{
    Checkpoint, Claim, Claims, Finish, Finished, Lease, LeaseError, NodeId, Notes, Postponement, Queue,
};
use crate::ports::results::KillError;
use crate::runtime::engine::Engine;
use crate::runtime::worker::Worker;

/// What stood there when the kill came, and what it answered.
struct Killed {
    moment: &'static str,
    before: Status,
    answer: Result<JobResult, KillError>,
}

/// A queue in which a result is killed at one moment.
struct Stops {
    queue: Arc<dyn Queue>,
    engine: Arc<Engine>,
    access: Access,
    id: ResultId,
    /// How many moments are let pass.
    left: AtomicU32,
    killed: Mutex<Option<Killed>>,
}

impl Stops {
    async fn moment(&self, moment: &'static str) {
        let last = |left: u32| left.checked_sub(1);
        if self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, last) != Ok(1) {
            return;
        }
        let found = self.engine.results.find(self.access.scope(), self.id).await.unwrap().unwrap();
        let answer = self.engine.kill(&self.access, self.id, None).await;
        *self.killed.lock().unwrap() = Some(Killed { moment, before: found.status, answer });
    }
}

/// Hands each call on, with a moment before it and one after it.
macro_rules! between {
    ($self:ident, $call:ident($($argument:expr),*)) => {{
        $self.moment(concat!("before ", stringify!($call))).await;
        let answer = $self.queue.$call($($argument),*).await;
        $self.moment(concat!("after ", stringify!($call))).await;
        answer
    }};
}

#[async_trait]
impl Queue for Stops {
    async fn claim(&self, claim: Claim) -> Result<Claims, StoreError> {
        between!(self, claim(claim))
    }

    async fn note(&self, lease: Lease, notes: &Notes) -> Result<(), LeaseError> {
        between!(self, note(lease, notes))
    }

    async fn keep(&self, lease: Lease, parts: Vec<Part>) -> Result<(), LeaseError> {
        between!(self, keep(lease, parts))
    }

    async fn checkpoint(&self, lease: Lease, checkpoint: Checkpoint) -> Result<(), LeaseError> {
        between!(self, checkpoint(lease, checkpoint))
    }

    async fn record_batch(&self, lease: Lease, batch: BatchDone) -> Result<(), LeaseError> {
        between!(self, record_batch(lease, batch))
    }

    async fn postpone(&self, lease: Lease, postponement: Postponement) -> Result<(), LeaseError> {
        between!(self, postpone(lease, postponement))
    }

    async fn end_wait(&self, organization: OrganizationId, result: ResultId) -> Result<(), StoreError> {
        self.queue.end_wait(organization, result).await
    }

    async fn finish(&self, lease: Lease, finish: Finish) -> Result<Finished, LeaseError> {
        between!(self, finish(lease, finish))
    }

    async fn release(&self, lease: Lease) -> Result<(), LeaseError> {
        between!(self, release(lease))
    }

    async fn release_others(&self, node: NodeId, at_work: &[Lease]) -> Result<u64, StoreError> {
        self.queue.release_others(node, at_work).await
    }

    async fn beat(&self, node: NodeId, now: Instant) -> Result<(), StoreError> {
        self.queue.beat(node, now).await
    }

    async fn recover(&self, node: NodeId, now: Instant, silent: Option<Duration>) -> Result<u64, StoreError> {
        self.queue.recover(node, now, silent).await
    }
}

/// How often the line that is tried again was tried.
static TRIES: AtomicU32 = AtomicU32::new(0);

fn busy_at_first() -> Result<Outcome, Failure> {
    match TRIES.fetch_add(1, Ordering::SeqCst) {
        2 => Err(Failure::new(FailureKind::Temporary { retry_after: None }, "The far side is busy.")),
        _ => Ok(Outcome::default()),
    }
}

/// A filter, batches with effects of which the third has to be tried again, and an error that the job survives.
fn job() -> Value {
    json!({"key": "job", "batchSize": 2, "lines": [
        {"filter": {"where": {"n": {"gt": 1}}}},
        {"action": "own", "parameters": {"effect": true}, "retry": {"attempts": 3, "delay": "1ms"}},
        {"action": "fail", "onError": "continue"},
        {"action": "pass"},
    ]})
}

/// Kills a result when so many moments have passed; none if it has no more of them.
async fn killed_after(moments: u32) -> Option<Killed> {
    TRIES.store(0, Ordering::SeqCst);
    let harness = harness_with(|_, _| busy_at_first()).await;
    let grants = crate::model::grant::Grants::read(&json!({"collections": {"names": ["effects"]}})).unwrap();
    harness.engine.grants.grant(harness.access.scope(), "test", &grants).await.unwrap();
    harness.save(job()).await;
    let records: Vec<_> = (1..=9).map(|n| json!({"n": n})).collect();
    let started = harness.start(json!({}), Value::Array(records)).await.unwrap();
    let stops = Arc::new(Stops {
        queue: Arc::clone(&harness.engine.queue),
        engine: Arc::clone(&harness.engine),
        access: harness.access.clone(),
        id: started.id,
        left: AtomicU32::new(moments),
        killed: Mutex::default(),
    });
    let worker = Worker::new(Arc::new(Engine { queue: stops.clone(), ..(*harness.engine).clone() }), 1);
    let step = tokio::time::timeout(Duration::from_secs(10), worker.step());
    step.await.expect("the worker is free again").unwrap();
    let killed = stops.killed.lock().unwrap().take();
    if let Some(killed) = &killed {
        assert_final(&harness, started.id, killed).await;
    }
    killed
}

/// The kill was answered as it should be, and its word is the last.
async fn assert_final(harness: &Harness, id: ResultId, killed: &Killed) {
    let (engine, scope) = (&harness.engine, harness.access.scope());
    let found = engine.results.find(scope, id).await.unwrap().unwrap();
    match &killed.answer {
        Ok(answered) => assert_eq!((answered, found.status), (&found, Status::Killed), "{}", killed.moment),
        Err(KillError::Ended(status)) => {
            assert!(killed.before.is_final(), "{} it was {}, and could not be killed", killed.moment, killed.before);
            assert_eq!(found.status, *status, "{}", killed.moment);
        }
        Err(error) => panic!("{}: {error}", killed.moment),
    }
    let lines = engine.lines(scope, &[id]).await.unwrap();
    assert!(lines.iter().all(|(_, line)| line.status.is_final()), "{}: {lines:?}", killed.moment);
    assert!(engine.running.find(id).is_none(), "{}: it is still at work", killed.moment);
    let recovered = engine.queue.recover(NodeId(Engine::new_id()), engine.clock.now(), None).await.unwrap();
    assert_eq!(recovered, 0, "{}: a lease survived", killed.moment);
    let claim =
        Claim { node: engine.node, room: Room { slots: 9, spare: 0 }, now: "2036-01-01T00:00:00Z".parse().unwrap() };
    assert!(engine.queue.claim(claim).await.unwrap().claimed.is_empty(), "{}: it is taken up again", killed.moment);
    assert!(matches!(engine.kill(&harness.access, id, None).await, Err(KillError::Ended(_))), "{}", killed.moment);
    assert_eq!(engine.results.find(scope, id).await.unwrap().unwrap(), found, "{}", killed.moment);
}

#[tokio::test]
async fn a_kill_at_any_moment_is_the_last_word() {
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    let mut moments = 1;
    while let Some(killed) = killed_after(moments).await {
        *seen.entry(killed.moment).or_default() += 1;
        moments += 1;
    }
    for call in ["claim", "keep", "checkpoint", "record_batch", "postpone", "finish"] {
        for side in ["before", "after"] {
            assert!(seen.contains_key(&*format!("{side} {call}")), "never killed {side} {call}: {seen:?}");
        }
    }
    assert!(moments > 20, "{seen:?}");
}
