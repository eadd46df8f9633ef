//! A kill at every moment of a result's life: before and after each call that its worker makes
//! of the store, one after the other.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::harness::{Harness, harness_with, refusal};
use engine::engine::Engine;
use engine::model::Instant;
use engine::model::fairness::Capacity;
use engine::model::organization::{Access, OrganizationId};
use engine::model::refusal::RefusalCode;
use engine::model::result::{JobResult, ResultId};
use engine::model::status::Status;
use engine::node::service_error::ServiceError;
use engine::ports::StoreError;
use engine::ports::actions::{Failure, FailureKind, Outcome};
use engine::ports::parts::{BatchDone, Part};
use engine::ports::queue::{
    Checkpoint, Claim, Claims, Finish, Finished, Lease, LeaseError, Leases, NodeId, Notes, Postponement, Queue,
};
use engine::ports::stores::Stores;

/// What stood there when the kill came, and what it answered.
struct Killed {
    moment: &'static str,
    before: Status,
    answer: Result<JobResult, ServiceError>,
}

/// A queue in which a result is killed at one moment.
struct Stops {
    stores: Stores,
    /// The engine that works on this queue.
    engine: OnceLock<Engine>,
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
        let found = self.stores.history.find(self.access.scope(), self.id).await.unwrap().unwrap();
        let answer = self.engine.get().unwrap().results().kill(&self.access, self.id, None).await;
        *self.killed.lock().unwrap() = Some(Killed { moment, before: found.status, answer });
    }
}

/// Hands each call on, with a moment before it and one after it.
macro_rules! between {
    ($self:ident, $port:ident.$call:ident($($argument:expr),*)) => {{
        $self.moment(concat!("before ", stringify!($call))).await;
        let answer = $self.stores.$port.$call($($argument),*).await;
        $self.moment(concat!("after ", stringify!($call))).await;
        answer
    }};
}

#[async_trait]
impl Queue for Stops {
    async fn claim(&self, claim: Claim) -> Result<Claims, StoreError> {
        between!(self, queue.claim(claim))
    }

    async fn end_wait(&self, organization: OrganizationId, result: ResultId) -> Result<(), StoreError> {
        self.stores.queue.end_wait(organization, result).await
    }

    async fn release(&self, lease: Lease) -> Result<(), LeaseError> {
        between!(self, queue.release(lease))
    }

    async fn release_others(&self, node: NodeId, running: &[Lease]) -> Result<u64, StoreError> {
        self.stores.queue.release_others(node, running).await
    }

    async fn beat(&self, node: NodeId, now: Instant) -> Result<(), StoreError> {
        self.stores.queue.beat(node, now).await
    }

    async fn recover(&self, node: NodeId, now: Instant, silent: Option<Duration>) -> Result<u64, StoreError> {
        self.stores.queue.recover(node, now, silent).await
    }
}

#[async_trait]
impl Leases for Stops {
    async fn note(&self, lease: Lease, notes: &Notes) -> Result<(), LeaseError> {
        between!(self, leases.note(lease, notes))
    }

    async fn keep(&self, lease: Lease, parts: Vec<Part>) -> Result<(), LeaseError> {
        between!(self, leases.keep(lease, parts))
    }

    async fn checkpoint(&self, lease: Lease, checkpoint: Checkpoint) -> Result<(), LeaseError> {
        between!(self, leases.checkpoint(lease, checkpoint))
    }

    async fn record_batch(&self, lease: Lease, batch: BatchDone) -> Result<(), LeaseError> {
        between!(self, leases.record_batch(lease, batch))
    }

    async fn postpone(&self, lease: Lease, postponement: Postponement) -> Result<(), LeaseError> {
        between!(self, leases.postpone(lease, postponement))
    }

    async fn finish(&self, lease: Lease, finish: Finish) -> Result<Finished, LeaseError> {
        between!(self, leases.finish(lease, finish))
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
    let harness = harness_with(|_, _| busy_at_first()).await.granted().await;
    harness.save(job()).await;
    let records: Vec<_> = (1..=9).map(|n| json!({"n": n})).collect();
    let started = harness.start(json!({}), Value::Array(records)).await.unwrap();
    let stores = harness.stores.clone();
    let stops = Arc::new(Stops {
        stores: stores.clone(),
        engine: OnceLock::new(),
        access: harness.access.clone(),
        id: started.id,
        left: AtomicU32::new(moments),
        killed: Mutex::default(),
    });
    let (queue, leases) = (stops.clone(), stops.clone());
    let harness = harness.on(Stores { queue, leases, ..stores });
    assert!(stops.engine.set(harness.engine.clone()).is_ok());
    let worker = harness.engine.worker(1);
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
    let (engine, stores, scope) = (&harness.engine, &harness.stores, harness.access.scope());
    let found = stores.history.find(scope, id).await.unwrap().unwrap();
    match &killed.answer {
        Ok(answered) => assert_eq!((answered, found.status), (&found, Status::Killed), "{}", killed.moment),
        Err(error) if error.code() == Some(RefusalCode::AlreadyFinished) => {
            assert!(killed.before.is_final(), "{} it was {}, and could not be killed", killed.moment, killed.before);
            let beginning = format!("id: The job result has already ended as `{}`,", found.status);
            assert!(error.to_string().starts_with(&beginning), "{}: {error}", killed.moment);
        }
        Err(error) => panic!("{}: {error}", killed.moment),
    }
    let lines = engine.results().lines(scope, &[id]).await.unwrap();
    assert!(lines.iter().all(|(_, line)| line.status.is_final()), "{}: {lines:?}", killed.moment);
    assert!(!engine.results().is_running(id), "{}: it is still running", killed.moment);
    let other = NodeId(uuid::Uuid::now_v7());
    let recovered = stores.queue.recover(other, engine.now(), None).await.unwrap();
    assert_eq!(recovered, 0, "{}: a lease survived", killed.moment);
    let (node, capacity) = (engine.node_id(), Capacity { slots: 9, spare: 0 });
    let claim = Claim { node, capacity, now: "2036-01-01T00:00:00Z".parse().unwrap() };
    assert!(stores.queue.claim(claim).await.unwrap().claimed.is_empty(), "{}: it is taken up again", killed.moment);
    let again = refusal(engine.results().kill(&harness.access, id, None).await);
    assert_eq!(again.code, RefusalCode::AlreadyFinished, "{}", killed.moment);
    assert_eq!(stores.history.find(scope, id).await.unwrap().unwrap(), found, "{}", killed.moment);
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
