//! The store fails on one call: before it does what it was asked for, after it did it, or by a panic.
//! Whatever the call, each instant of a schedule is started once, and everything that was started ends once.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::harness::{Harness, harness};
use engine::model::Instant;
use engine::model::fairness::Capacity;
use engine::model::organization::OrganizationId;
use engine::model::result::ResultId;
use engine::model::schedule::Position;
use engine::model::status::Status;
use engine::ports::parts::{BatchDone, Part};
use engine::ports::queue::{
    Checkpoint, Claim, Claims, Finish, Finished, Lease, LeaseError, Leases, NodeId, Notes, Postponement, Queue,
};
use engine::ports::results::ResultFilter;
use engine::ports::schedules::{Due, DueSchedules, Fire, FireAnswer, Inspection, SavedSchedule, ScheduleRef};
use engine::ports::stores::Stores;
use engine::ports::{Page, StoreError};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fails {
    /// Nothing is done.
    Before,
    /// It is done, and the answer is lost.
    After,
    Panics,
}

const ALL: [Fails; 3] = [Fails::Before, Fails::After, Fails::Panics];

/// Ports of a store that fail on the n-th call with this name.
struct Failing {
    stores: Stores,
    call: &'static str,
    nth: u32,
    fails: Fails,
    calls: AtomicU32,
}

impl Failing {
    async fn at<T, E: From<StoreError>>(
        &self,
        call: &'static str,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let fails = call == self.call && self.calls.fetch_add(1, Ordering::SeqCst) + 1 == self.nth;
        if fails && self.fails == Fails::Before {
            return Err(StoreError::Unavailable("it failed before".into()).into());
        }
        let done = work.await;
        match self.fails {
            _ if !fails => done,
            Fails::Panics => panic!("the store met a fault of its own"),
            _ => Err(StoreError::Unavailable("it failed after".into()).into()),
        }
    }

    /// Whether the call was made that fails.
    fn was_reached(&self) -> bool {
        self.calls.load(Ordering::SeqCst) >= self.nth
    }
}

#[async_trait]
impl Queue for Failing {
    async fn claim(&self, claim: Claim) -> Result<Claims, StoreError> {
        self.at("claim", self.stores.queue.claim(claim)).await
    }

    async fn end_wait(&self, organization: OrganizationId, result: ResultId) -> Result<(), StoreError> {
        self.at("end_wait", self.stores.queue.end_wait(organization, result)).await
    }

    async fn release(&self, lease: Lease) -> Result<(), LeaseError> {
        self.at("release", self.stores.queue.release(lease)).await
    }

    async fn release_others(&self, node: NodeId, running: &[Lease]) -> Result<u64, StoreError> {
        self.at("release_others", self.stores.queue.release_others(node, running)).await
    }

    async fn beat(&self, node: NodeId, now: Instant) -> Result<(), StoreError> {
        self.at("beat", self.stores.queue.beat(node, now)).await
    }

    async fn recover(&self, node: NodeId, now: Instant, silent: Option<Duration>) -> Result<u64, StoreError> {
        self.at("recover", self.stores.queue.recover(node, now, silent)).await
    }
}

#[async_trait]
impl Leases for Failing {
    async fn note(&self, lease: Lease, notes: &Notes) -> Result<(), LeaseError> {
        self.at("note", self.stores.leases.note(lease, notes)).await
    }

    async fn keep(&self, lease: Lease, parts: Vec<Part>) -> Result<(), LeaseError> {
        self.at("keep", self.stores.leases.keep(lease, parts)).await
    }

    async fn checkpoint(&self, lease: Lease, checkpoint: Checkpoint) -> Result<(), LeaseError> {
        self.at("checkpoint", self.stores.leases.checkpoint(lease, checkpoint)).await
    }

    async fn record_batch(&self, lease: Lease, batch: BatchDone) -> Result<(), LeaseError> {
        self.at("record_batch", self.stores.leases.record_batch(lease, batch)).await
    }

    async fn postpone(&self, lease: Lease, postponement: Postponement) -> Result<(), LeaseError> {
        self.at("postpone", self.stores.leases.postpone(lease, postponement)).await
    }

    async fn finish(&self, lease: Lease, finish: Finish) -> Result<Finished, LeaseError> {
        self.at("finish", self.stores.leases.finish(lease, finish)).await
    }
}

#[async_trait]
impl DueSchedules for Failing {
    async fn due(&self, now: Instant, limit: u32) -> Result<Due, StoreError> {
        self.at("due", self.stores.due_schedules.due(now, limit)).await
    }

    async fn fire(&self, fire: Fire) -> Result<FireAnswer, StoreError> {
        self.at("fire", self.stores.due_schedules.fire(fire)).await
    }

    async fn inspect(&self, after: Option<ScheduleRef>, limit: u32) -> Result<Inspection, StoreError> {
        self.stores.due_schedules.inspect(after, limit).await
    }

    async fn rearm(&self, saved: &SavedSchedule, position: Position) -> Result<bool, StoreError> {
        self.at("rearm", self.stores.due_schedules.rearm(saved, position)).await
    }

    async fn disarm(&self, schedule: ScheduleRef) -> Result<(), StoreError> {
        self.stores.due_schedules.disarm(schedule).await
    }
}

async fn failing(call: &'static str, nth: u32, fails: Fails) -> (Harness, Arc<Failing>) {
    let harness = harness().await;
    let stores = harness.stores.clone();
    let failing = Arc::new(Failing { stores: stores.clone(), call, nth, fails, calls: AtomicU32::new(0) });
    let (queue, leases, due_schedules) = (failing.clone(), failing.clone(), failing.clone());
    (harness.on(Stores { queue, leases, due_schedules, ..stores }), failing)
}

#[tokio::test]
async fn an_instant_is_started_once_whichever_call_of_its_firing_fails() {
    for call in ["due", "fire"] {
        for (nth, fails) in (1..=6).flat_map(|nth| ALL.map(|fails| (nth, fails))) {
            let (harness, failing) = failing(call, nth, fails).await;
            let (lines, schedules) =
                (json!([{"action": "pass"}]), json!([{"key": "x", "interval": "1m"}, {"key": "y", "interval": "1m"}]));
            let job = json!({"key": "job", "overlap": "allow", "lines": lines, "schedules": schedules});
            harness.save(job).await;
            let mut scheduler = harness.engine.scheduler();
            for _ in 0..3 {
                harness.clock.advance(chrono::TimeDelta::seconds(60));
                let mut tries = 0;
                while !matches!(AssertUnwindSafe(scheduler.step()).catch_unwind().await, Ok(Ok(_))) {
                    tries += 1;
                    assert!(tries < 3, "{call} {nth} {fails:?}");
                }
            }
            assert!(failing.was_reached(), "{call} {nth}");
            let page = Page { before: None, limit: 100 };
            let scope = harness.access.scope();
            let all = harness.stores.history.list(scope, &ResultFilter::default(), page).await.unwrap().items;
            let mut started: Vec<_> =
                all.into_iter().filter_map(|one| one.scheduled).map(|one| (one.at, one.schedule)).collect();
            started.sort();
            let told: Vec<_> = started.iter().map(|(at, key)| format!("{key} {}", at.format("%H:%M"))).collect();
            let expected = ["x 09:31", "y 09:31", "x 09:32", "y 09:32", "x 09:33", "y 09:33"];
            assert_eq!(told, expected, "{call} {nth} {fails:?}");
        }
    }
}

/// Starts results, of which some were running on a node that is lost, takes over, and works until all have ended.
async fn everything_ends(call: &'static str, nth: u32, fails: Fails) {
    const RESULTS: usize = 6;
    let (harness, failing) = failing(call, nth, fails).await;
    let harness = harness.on_the_systems_clock();
    harness.save(json!({"key": "job", "overlap": "allow", "lines": [{"action": "pass"}, {"action": "count"}]})).await;
    for n in 0..RESULTS {
        harness.start(json!({}), json!([{"n": n}])).await.unwrap();
    }
    let lost = NodeId(uuid::Uuid::now_v7());
    let claim = Claim { node: lost, capacity: Capacity { slots: 3, spare: 0 }, now: harness.engine.now() };
    failing.stores.queue.claim(claim).await.unwrap();
    let stop = CancellationToken::new();
    let (engine, stopped) = (harness.engine.clone(), stop.clone());
    let beat = tokio::spawn(async move { engine.beat(Duration::from_millis(40), stopped).await });
    let work = tokio::spawn(harness.engine.worker(2).work(stop.clone(), Duration::from_secs(1)));
    let scope = harness.access.scope();
    let ended = async {
        let filter = ResultFilter { job: None, status: Some(Status::Success) };
        let broken = ResultFilter { job: None, status: Some(Status::Error) };
        let count = async |filter| harness.stores.history.count(scope, filter).await.unwrap() as usize;
        // What a panic breaks off ends in error, and says so.
        while count(&filter).await + count(&broken).await < RESULTS {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let most = usize::from(fails == Fails::Panics);
        assert!(count(&broken).await <= most, "{call} {nth} {fails:?}");
    };
    let in_time = tokio::time::timeout(Duration::from_secs(20), ended).await;
    assert!(in_time.is_ok(), "{call} {nth} {fails:?}: something is left running");
    stop.cancel();
    work.await.expect("the worker lives");
    beat.await.expect("the heartbeat lives");
    if nth == 1 {
        assert!(failing.was_reached(), "{call}");
    }
}

#[tokio::test]
async fn everything_ends_whichever_call_fails_while_a_node_takes_over() {
    for call in ["claim", "recover", "beat", "finish"] {
        for nth in 1..=3 {
            for fails in ALL {
                everything_ends(call, nth, fails).await;
            }
        }
    }
}

#[tokio::test]
async fn a_node_whose_workers_have_ended_says_so() {
    let harness = harness().await;
    assert!(!harness.engine.health().has_no_worker(), "none was begun");
    let stop = CancellationToken::new();
    let worker = harness.engine.worker(1).work(stop.clone(), Duration::from_secs(1));
    let work = tokio::spawn(worker);
    tokio::task::yield_now().await;
    assert!(!harness.engine.health().has_no_worker());
    work.abort();
    assert!(work.await.is_err());
    assert!(harness.engine.health().has_no_worker());
}
