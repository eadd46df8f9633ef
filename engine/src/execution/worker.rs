//! The worker: it claims waiting results, performs them, and sleeps until it is woken.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::outcome::{Ending, Performed};
use super::perform;
use crate::model::Instant;
use crate::model::fairness::Capacity;
use crate::node::Node;
use crate::node::backoff::Backoff;
use crate::node::panics::catch_panic;
use crate::ports::StoreError;
use crate::ports::queue::{Claim, Claimed, Claims, Lease, LeaseError};

/// How often an idle worker claims without being woken: wake-ups may be missed.
const IDLE_INTERVAL: Duration = Duration::from_secs(30);

/// How often a paused node checks whether its store can be written again.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// Performs the results of one store.
pub struct Worker {
    node: Arc<Node>,
    slots: Arc<Slots>,
}

/// The slots of a worker. Each result takes one while its lines run.
struct Slots {
    /// Slots for all organizations.
    shared: u32,
    /// Further slots for organizations that have no result running.
    spare: u32,
    /// The results that this worker holds, and whether each of them takes a slot.
    held: Mutex<HashMap<Lease, bool>>,
    freed: Notify,
    /// One permit for each result without a slot whose end is being written.
    ends: Semaphore,
}

/// How many ends may be written beside each slot. While one is written, the next result runs.
const ENDS_PER_SLOT: usize = 4;

impl Slots {
    fn free(&self) -> Capacity {
        let taken = self.held().values().filter(|takes_slot| **takes_slot).count();
        let taken = u32::try_from(taken).unwrap_or(u32::MAX);
        let slots = self.shared.saturating_sub(taken);
        Capacity { slots, spare: (self.shared + self.spare).saturating_sub(taken).saturating_sub(slots) }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Lease, bool>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A result that the worker holds until this is dropped. It takes a slot at first.
struct Slot(Arc<Slots>, Lease);

impl Slot {
    fn take(slots: &Arc<Slots>, lease: Lease) -> Self {
        slots.held().insert(lease, true);
        Self(Arc::clone(slots), lease)
    }

    /// Does the work, and frees the slot as soon as `lines_done` is set, unless too many ends are being written.
    async fn hold_during<T>(&self, work: impl Future<Output = T>, lines_done: CancellationToken) -> T {
        let mut work = pin!(work);
        let freeing = async {
            lines_done.cancelled().await;
            // The semaphore is never closed.
            let permit = self.0.ends.acquire().await;
            self.0.held().insert(self.1, false);
            self.0.freed.notify_one();
            permit
        };
        tokio::select! {
            biased;
            done = &mut work => done,
            _permit = freeing => work.await,
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.held().remove(&self.1);
        // Also if its slot was free before: an isolated result may wait for its end.
        self.0.freed.notify_one();
    }
}

/// When the worker claims again. It always does when it is woken, or when the time is over.
enum NextClaim {
    /// Also as soon as a slot is free: more results may wait than it could claim, or results are isolated.
    WhenSlotIsFree(Duration),
    Later(Duration),
}

impl Worker {
    /// A worker that performs up to `slots` results at the same time, and a quarter more for organizations that have
    /// none running, so that the long jobs of one never keep another waiting.
    pub(crate) fn new(node: Arc<Node>, slots: usize) -> Self {
        let shared = u32::try_from(slots.max(1)).unwrap_or(u32::MAX / 2);
        let slots = Slots {
            shared,
            spare: shared.div_ceil(4),
            held: Mutex::default(),
            freed: Notify::new(),
            ends: Semaphore::new(slots.clamp(1, Semaphore::MAX_PERMITS / ENDS_PER_SLOT) * ENDS_PER_SLOT),
        };
        Self { node, slots: Arc::new(slots) }
    }

    /// Claims one result and performs it; none if nothing waits or its lease was lost. If a result has to be retried
    /// later, this waits for it.
    ///
    /// # Errors
    /// The store failed.
    pub async fn step(&self) -> Result<Option<Performed>, StoreError> {
        // The clock of a test stands still, so it would never reach the instant that was waited for.
        let mut reached = self.node.clock.now();
        loop {
            let now = reached.max(self.node.clock.now());
            let mut claims = self.claim(Capacity { slots: 1, spare: 0 }, now).await?;
            match (claims.claimed.pop(), claims.next_due) {
                (Some(claimed), _) => match perform::perform(&self.node, claimed, CancellationToken::new()).await? {
                    Ending::Ended(performed) => return Ok(Some(*performed)),
                    Ending::Postponed => {}
                    Ending::Lost | Ending::Broken => return Ok(None),
                },
                (None, Some(due)) => {
                    let wait = (due - now).to_std().unwrap_or_default();
                    tokio::select! {
                        () = tokio::time::sleep(wait) => reached = due,
                        () = self.node.wake.notified() => {}
                    }
                }
                (None, None) => return Ok(None),
            }
        }
    }

    /// Works until `stop`. Then it claims nothing more, and lets the running results finish for at most `grace`. Those
    /// that still run after that are released.
    pub async fn work(self, stop: CancellationToken, grace: Duration) {
        let _alive = self.node.health.begin_worker();
        let _slots = self.node.metrics.add_slots(self.slots.shared);
        let mut running = JoinSet::new();
        let mut backoff = Backoff::default();
        // Whether the answer to a claim was lost: then nobody may be working on the claimed results.
        let mut claim_is_unknown = false;
        while !stop.is_cancelled() {
            while running.try_join_next().is_some() {}
            let next = match catch_panic("worker", self.fill_slots(&stop, &mut running, &mut claim_is_unknown)).await {
                Some(Ok(next)) => {
                    backoff = Backoff::default();
                    next
                }
                Some(Err(error)) => {
                    self.node.health.paused(&error);
                    NextClaim::Later(backoff.next())
                }
                None => {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = tokio::time::sleep(backoff.next()) => {}
                    }
                    continue;
                }
            };
            self.wait_for_next_claim(next, &stop).await;
        }
        self.stop_running(running, grace).await;
    }

    async fn wait_for_next_claim(&self, next: NextClaim, stop: &CancellationToken) {
        let (when_slot_is_free, pause) = match next {
            NextClaim::WhenSlotIsFree(pause) => (true, pause),
            NextClaim::Later(pause) => (false, pause),
        };
        let pause = if self.node.health.pause().is_some() { pause.min(PROBE_INTERVAL) } else { pause };
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.node.wake.notified() => {}
            () = self.slots.freed.notified(), if when_slot_is_free => {}
            () = tokio::time::sleep(pause) => {}
        }
    }

    async fn claim(&self, capacity: Capacity, now: Instant) -> Result<Claims, StoreError> {
        let claim = Claim { node: self.node.id, capacity, now };
        self.node.stores.queue.claim(claim).await
    }

    /// Claims results for the free slots, and performs them.
    async fn fill_slots(
        &self,
        stop: &CancellationToken,
        running: &mut JoinSet<()>,
        claim_is_unknown: &mut bool,
    ) -> Result<NextClaim, StoreError> {
        self.probe().await?;
        if *claim_is_unknown {
            self.release_unknown().await?;
        }
        let capacity = self.slots.free();
        if capacity.slots + capacity.spare == 0 {
            return Ok(NextClaim::WhenSlotIsFree(IDLE_INTERVAL));
        }
        *claim_is_unknown = true;
        let claims = self.claim(capacity, self.node.clock.now()).await?;
        *claim_is_unknown = false;
        let count = claims.claimed.len() as u64;
        for claimed in claims.claimed {
            let lease = claimed.lease;
            let (node, stop, slot) = (Arc::clone(&self.node), stop.clone(), Slot::take(&self.slots, lease));
            running.spawn(async move {
                let lines_done = CancellationToken::new();
                let performing = perform_or_release(&node, claimed, &stop, lines_done.clone());
                if slot.hold_during(catch_panic("job result", performing), lines_done).await.is_none() {
                    end_after_panic(&node, lease).await;
                }
                drop(slot);
            });
        }
        let due = claims.next_due.map(|due| (due - self.node.clock.now()).to_std().unwrap_or_default());
        let pause = due.map_or(IDLE_INTERVAL, |due| due.min(IDLE_INTERVAL));
        let more = claims.isolated || count >= u64::from(capacity.slots);
        Ok(if more { NextClaim::WhenSlotIsFree(pause) } else { NextClaim::Later(pause) })
    }

    /// Releases results that were claimed by this node, but whose claim got no answer.
    async fn release_unknown(&self) -> Result<(), StoreError> {
        let known: Vec<_> = self.slots.held().keys().copied().collect();
        let released = self.node.stores.queue.release_others(self.node.id, &known).await?;
        if released > 0 {
            tracing::warn!(released, "the answer to a claim was lost; its job results wait again");
        }
        Ok(())
    }

    /// If the node is paused, checks whether the store can be written again.
    async fn probe(&self) -> Result<(), StoreError> {
        if self.node.health.pause().is_some() {
            self.node.stores.queue.beat(self.node.id, self.node.clock.now()).await?;
            self.node.health.working();
        }
        Ok(())
    }

    async fn stop_running(&self, mut running: JoinSet<()>, grace: Duration) {
        let finished = async { while running.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, finished).await.is_err() {
            self.node.running.interrupt_all();
            let released = async { while running.join_next().await.is_some() {} };
            if tokio::time::timeout(grace, released).await.is_err() {
                tracing::warn!("the worker stopped while job results were running; they continue at the next start");
            }
        }
    }
}

/// Performs a result. Whatever happens, it ends or waits again.
async fn perform_or_release(
    node: &Arc<Node>,
    claimed: Claimed,
    stop: &CancellationToken,
    lines_done: CancellationToken,
) {
    let lease = claimed.lease;
    match perform::perform(node, claimed, lines_done).await {
        Ok(Ending::Lost) if stop.is_cancelled() => release(node, lease).await,
        // A result that is lost otherwise was killed, or belongs to another worker now.
        Ok(_) => {}
        Err(error @ StoreError::Unreadable(_)) => {
            tracing::error!(result = %lease.result.0, %error, "a job result cannot continue and is ended");
            if let Err(error) = perform::end_unreadable(node, lease).await {
                tracing::error!(result = %lease.result.0, %error, "the job result could not be ended");
            }
        }
        Err(error) => {
            tracing::error!(result = %lease.result.0, %error, "the store failed while a job was running; it waits again");
            node.health.paused(&error);
            // A result that fails at once would otherwise be claimed and fail in a busy loop.
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(PROBE_INTERVAL) => {}
            }
            release(node, lease).await;
        }
    }
}

/// Ends a result after a panic outside of its lines, or releases it if that fails.
async fn end_after_panic(node: &Arc<Node>, lease: Lease) {
    match catch_panic("job result", perform::end_after_unknown_panic(node, lease)).await {
        Some(Ok(()) | Err(LeaseError::Lost)) => {}
        _ => drop(catch_panic("job result", release(node, lease)).await),
    }
}

/// Releases a result, and retries while the store is unavailable.
async fn release(node: &Arc<Node>, lease: Lease) {
    let mut backoff = Backoff::default();
    while let Err(LeaseError::Store(error)) = node.stores.queue.release(lease).await {
        node.health.paused(&error);
        tokio::time::sleep(backoff.next()).await;
    }
    node.wake.notify_one();
}
