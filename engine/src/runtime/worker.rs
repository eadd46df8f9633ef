//! The worker: claims what waits, performs it, and waits to be woken.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::caught::caught;
use super::engine::Engine;
use super::patience::Pauses;
use super::perform::{Ending, Performed};
use crate::model::Instant;
use crate::model::turn::Room;
use crate::ports::StoreError;
use crate::ports::queue::{Claim, Claimed, Claims, Lease, LeaseError};

/// How often an idle worker looks without being told to: wakes are hints.
const SWEEP: Duration = Duration::from_secs(30);

/// How often a paused node asks whether its store can be written again.
const PROBE: Duration = Duration::from_secs(1);

/// Performs the results of one store.
pub struct Worker {
    engine: Arc<Engine>,
    slots: Arc<Slots>,
}

/// How many results are at work, of how many.
struct Slots {
    /// For anybody.
    all: u32,
    /// Besides, for organizations that have nothing at work.
    spare: u32,
    taken: Mutex<HashSet<Lease>>,
    freed: Notify,
}

impl Slots {
    fn free(&self) -> Room {
        let taken = u32::try_from(self.taken().len()).unwrap_or(u32::MAX);
        let slots = self.all.saturating_sub(taken);
        Room { slots, spare: (self.all + self.spare).saturating_sub(taken).saturating_sub(slots) }
    }

    fn taken(&self) -> MutexGuard<'_, HashSet<Lease>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A slot that is taken until this is dropped.
struct Slot(Arc<Slots>, Lease);

impl Slot {
    fn take(slots: &Arc<Slots>, lease: Lease) -> Self {
        slots.taken().insert(lease);
        Self(Arc::clone(slots), lease)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.taken().remove(&self.1);
        self.0.freed.notify_one();
    }
}

/// What the worker does after it has looked for work.
enum Next {
    /// It looks again as soon as a slot is free, since more may wait than it could take, or results
    /// are isolated; or when this is over.
    Full(Duration),
    /// It waits to be told, or until this is over.
    Rest(Duration),
}

impl Worker {
    /// A worker that performs up to `slots` results at a time, and a quarter more for
    /// organizations that have nothing at work: long jobs of one never keep another waiting.
    pub fn new(engine: Arc<Engine>, slots: usize) -> Self {
        let all = u32::try_from(slots.max(1)).unwrap_or(u32::MAX / 2);
        let slots = Slots { all, spare: all.div_ceil(4), taken: Mutex::default(), freed: Notify::new() };
        Self { engine, slots: Arc::new(slots) }
    }

    /// Claims one result and performs it; none if nothing waits or its lease was lost. A
    /// result that has to wait for another try is waited for.
    ///
    /// # Errors
    /// The store failed.
    pub async fn step(&self) -> Result<Option<Performed>, StoreError> {
        // A clock that stands, as in trials, does not come to what was waited for.
        let mut reached = self.engine.clock.now();
        loop {
            let now = reached.max(self.engine.clock.now());
            let mut claims = self.claim(Room { slots: 1, spare: 0 }, now).await?;
            match (claims.claimed.pop(), claims.next_due) {
                (Some(claimed), _) => match self.engine.perform(claimed).await? {
                    Ending::Ended(performed) => return Ok(Some(*performed)),
                    Ending::Postponed => {}
                    Ending::Lost | Ending::Broken => return Ok(None),
                },
                (None, Some(due)) => {
                    let wait = (due - now).to_std().unwrap_or_default();
                    tokio::select! {
                        () = tokio::time::sleep(wait) => reached = due,
                        () = self.engine.wake.notified() => {}
                    }
                }
                (None, None) => return Ok(None),
            }
        }
    }

    /// Works until `stop`, then claims nothing more and lets what it has taken up finish
    /// for at most `grace`. What is still at work after that is handed back.
    pub async fn work(self, stop: CancellationToken, grace: Duration) {
        let _alive = self.engine.health.worker();
        let mut at_work = JoinSet::new();
        let mut pauses = Pauses::default();
        // Whether the answer to a claim was lost, so that nobody may work on what it took up.
        let mut unsure = false;
        while !stop.is_cancelled() {
            while at_work.try_join_next().is_some() {}
            let next = match caught("worker", self.claim_into(&stop, &mut at_work, &mut unsure)).await {
                Some(Ok(next)) => {
                    pauses = Pauses::default();
                    next
                }
                Some(Err(error)) => {
                    self.engine.health.paused(&error);
                    Next::Rest(pauses.next())
                }
                None => {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = tokio::time::sleep(pauses.next()) => {}
                    }
                    continue;
                }
            };
            self.rest(next, &stop).await;
        }
        self.wind_up(at_work, grace).await;
    }

    async fn rest(&self, next: Next, stop: &CancellationToken) {
        let (full, rest) = match next {
            Next::Full(rest) => (true, rest),
            Next::Rest(rest) => (false, rest),
        };
        let rest = if self.engine.health.pause().is_some() { rest.min(PROBE) } else { rest };
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.engine.wake.notified() => {}
            () = self.slots.freed.notified(), if full => {}
            () = tokio::time::sleep(rest) => {}
        }
    }

    async fn claim(&self, room: Room, now: Instant) -> Result<Claims, StoreError> {
        let claim = Claim { node: self.engine.node, room, now };
        self.engine.queue.claim(claim).await
    }

    /// Fills the free slots.
    async fn claim_into(
        &self,
        stop: &CancellationToken,
        at_work: &mut JoinSet<()>,
        unsure: &mut bool,
    ) -> Result<Next, StoreError> {
        self.probe().await?;
        if *unsure {
            let known: Vec<_> = self.slots.taken().iter().copied().collect();
            let released = self.engine.queue.release_others(self.engine.node, &known).await?;
            if released > 0 {
                tracing::warn!(released, "job results were claimed without an answer; they wait again");
            }
        }
        let room = self.slots.free();
        if room.slots + room.spare == 0 {
            return Ok(Next::Full(SWEEP));
        }
        *unsure = true;
        let claims = self.claim(room, self.engine.clock.now()).await?;
        *unsure = false;
        let count = claims.claimed.len() as u64;
        for claimed in claims.claimed {
            let lease = claimed.lease;
            let (engine, stop, slot) = (Arc::clone(&self.engine), stop.clone(), Slot::take(&self.slots, lease));
            at_work.spawn(async move {
                if caught("job result", perform(&engine, claimed, &stop)).await.is_none() {
                    end_after_fault(&engine, lease).await;
                }
                drop(slot);
            });
        }
        let due = claims.next_due.map(|due| (due - self.engine.clock.now()).to_std().unwrap_or_default());
        let rest = due.map_or(SWEEP, |due| due.min(SWEEP));
        let more = claims.isolated || count >= u64::from(room.slots);
        Ok(if more { Next::Full(rest) } else { Next::Rest(rest) })
    }

    /// Of a node that is paused: whether its store can be written again.
    async fn probe(&self) -> Result<(), StoreError> {
        if self.engine.health.pause().is_some() {
            self.engine.queue.beat(self.engine.node, self.engine.clock.now()).await?;
            self.engine.health.working();
        }
        Ok(())
    }

    async fn wind_up(&self, mut at_work: JoinSet<()>, grace: Duration) {
        let finished = async { while at_work.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, finished).await.is_err() {
            self.engine.running.interrupt_all();
            let handed_back = async { while at_work.join_next().await.is_some() {} };
            if tokio::time::timeout(grace, handed_back).await.is_err() {
                tracing::warn!("stopped with results at work; they go on at the next start");
            }
        }
    }
}

/// Performs a result, whatever happens: it ends, or waits again.
async fn perform(engine: &Engine, claimed: Claimed, stop: &CancellationToken) {
    let lease = claimed.lease;
    match engine.perform(claimed).await {
        Ok(Ending::Lost) if stop.is_cancelled() => hand_back(engine, lease).await,
        // Otherwise it was killed, or is somebody else's by now.
        Ok(_) => {}
        Err(error @ StoreError::Unreadable(_)) => {
            tracing::error!(result = %lease.result.0, %error, "a job result cannot go on and is ended");
            if let Err(error) = engine.end_broken(lease).await {
                tracing::error!(result = %lease.result.0, %error, "the job result could not be ended");
            }
        }
        Err(error) => {
            tracing::error!(result = %lease.result.0, %error, "the store failed while a job was at work; it waits again");
            engine.health.paused(&error);
            // What fails at once would otherwise be claimed and fail again without end.
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(PROBE) => {}
            }
            hand_back(engine, lease).await;
        }
    }
}

/// Ends a result that a fault broke off outside of its lines, or puts it back if that cannot be done.
async fn end_after_fault(engine: &Engine, lease: Lease) {
    match caught("job result", engine.end_after_fault(lease)).await {
        Some(Ok(()) | Err(LeaseError::Lost)) => {}
        _ => drop(caught("job result", hand_back(engine, lease)).await),
    }
}

/// Puts a result back, and keeps trying while the store is away.
async fn hand_back(engine: &Engine, lease: Lease) {
    let mut pauses = Pauses::default();
    while let Err(LeaseError::Store(error)) = engine.queue.release(lease).await {
        engine.health.paused(&error);
        tokio::time::sleep(pauses.next()).await;
    }
    engine.wake.notify_one();
}
