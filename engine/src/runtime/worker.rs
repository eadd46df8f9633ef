//! The worker: claims what waits, performs it, and waits to be woken.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::engine::Engine;
use super::perform::Performed;
use crate::model::turn::Room;
use crate::ports::StoreError;
use crate::ports::queue::{Claim, Claimed, Lease, LeaseError};

/// How long a failing store is left alone at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often an idle worker looks without being told to: wakes are hints.
const SWEEP: Duration = Duration::from_secs(30);

/// Performs the results of one store.
pub struct Worker {
    engine: Arc<Engine>,
    slots: usize,
}

impl Worker {
    /// A worker that performs up to `slots` results at a time.
    pub fn new(engine: Arc<Engine>, slots: usize) -> Self {
        Self { engine, slots: slots.max(1) }
    }

    /// Claims one result and performs it; none if nothing waits or its lease was lost.
    ///
    /// # Errors
    /// The store failed.
    pub async fn step(&self) -> Result<Option<Performed>, StoreError> {
        match self.engine.queue.claim(self.wish(1)).await?.claimed.pop() {
            Some(claimed) => self.engine.perform(claimed).await,
            None => Ok(None),
        }
    }

    /// Works until `stop`, then claims nothing more and lets what it has taken up finish
    /// for at most `grace`. What is still at work after that is handed back.
    pub async fn work(self, stop: CancellationToken, grace: Duration) {
        let slots = Arc::new(Semaphore::new(self.slots));
        let mut at_work = JoinSet::new();
        let mut pause = FIRST_PAUSE;
        while let Some(first) = free_slot(&slots, &stop).await {
            while at_work.try_join_next().is_some() {}
            let rest = match self.claim_into(first, &slots, &stop, &mut at_work).await {
                Ok(0) => SWEEP,
                Ok(_) => {
                    pause = FIRST_PAUSE;
                    continue;
                }
                Err(error) => {
                    tracing::error!(%error, "the store failed; claiming again after a pause");
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    pause
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.engine.wake.notified() => {}
                () = tokio::time::sleep(rest) => {}
            }
        }
        self.wind_up(at_work, grace).await;
    }

    fn wish(&self, slots: u32) -> Claim {
        Claim { node: self.engine.node, room: Room { slots, spare: 0 }, now: self.engine.clock.now() }
    }

    /// Fills the free slots; says how many results it took up.
    async fn claim_into(
        &self,
        first: OwnedSemaphorePermit,
        slots: &Arc<Semaphore>,
        stop: &CancellationToken,
        at_work: &mut JoinSet<()>,
    ) -> Result<usize, StoreError> {
        let mut permits = vec![first];
        permits.extend(std::iter::from_fn(|| Arc::clone(slots).try_acquire_owned().ok()));
        let limit = u32::try_from(permits.len()).unwrap_or(u32::MAX);
        let claimed = self.engine.queue.claim(self.wish(limit)).await?.claimed;
        let count = claimed.len();
        for (claimed, permit) in claimed.into_iter().zip(permits) {
            let (engine, stop) = (Arc::clone(&self.engine), stop.clone());
            at_work.spawn(async move {
                perform(&engine, claimed, &stop).await;
                drop(permit);
            });
        }
        Ok(count)
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

/// A slot as soon as one is free; none once it is time to stop.
async fn free_slot(slots: &Arc<Semaphore>, stop: &CancellationToken) -> Option<OwnedSemaphorePermit> {
    tokio::select! {
        biased;
        () = stop.cancelled() => None,
        slot = Arc::clone(slots).acquire_owned() => slot.ok(),
    }
}

/// Performs a result, whatever happens: it ends, or waits again.
async fn perform(engine: &Engine, claimed: Claimed, stop: &CancellationToken) {
    let lease = claimed.lease;
    match AssertUnwindSafe(engine.perform(claimed)).catch_unwind().await {
        Ok(Ok(Some(_))) => {}
        Ok(Ok(None)) if stop.is_cancelled() => hand_back(engine, lease).await,
        // Killed, or somebody else's by now.
        Ok(Ok(None)) => {}
        Ok(Err(error)) => {
            tracing::error!(result = %lease.result.0, %error, "the store failed while a job was at work; it waits again");
            hand_back(engine, lease).await;
        }
        Err(_) => {
            tracing::error!(result = %lease.result.0, "a fault of the engine broke a job off");
            if let Err(error) = engine.end_after_panic(lease).await {
                tracing::error!(result = %lease.result.0, %error, "the job result could not be ended");
            }
        }
    }
}

/// Puts a result back, and keeps trying while the store is away.
async fn hand_back(engine: &Engine, lease: Lease) {
    let mut pause = FIRST_PAUSE;
    while let Err(LeaseError::Store(_)) = engine.queue.release(lease).await {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    engine.wake.notify_one();
}
