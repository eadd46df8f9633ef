//! The worker: claims what waits, performs it, and waits to be woken.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::engine::Engine;
use super::perform::Performed;
use crate::ports::StoreError;

/// How long a failing store is left alone at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

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
        match self.engine.queue.claim(1, self.engine.clock.now()).await?.pop() {
            Some(claimed) => self.engine.perform(claimed).await,
            None => Ok(None),
        }
    }

    /// Works until `stop`, then lets what it has taken up finish for at most `grace`.
    /// What is still at work after that is put back when the store is next opened.
    pub async fn work(self, stop: CancellationToken, grace: Duration) {
        let slots = Arc::new(Semaphore::new(self.slots));
        let mut tasks = JoinSet::new();
        let mut pause = FIRST_PAUSE;
        while !stop.is_cancelled() {
            while tasks.try_join_next().is_some() {}
            match self.claim_into(&slots, &mut tasks).await {
                Ok(0) => tokio::select! {
                    () = stop.cancelled() => {}
                    () = self.engine.wake.notified() => {}
                },
                Ok(_) => pause = FIRST_PAUSE,
                Err(error) => {
                    tracing::error!(%error, "the store failed; claiming again after a pause");
                    tokio::select! { () = stop.cancelled() => {} () = tokio::time::sleep(pause) => {} }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
        let finished = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, finished).await.is_err() {
            tracing::warn!("stopped with results at work; they go on at the next start");
        }
    }

    /// Fills the free slots; says how many results it took up. Waits for a slot first.
    async fn claim_into(&self, slots: &Arc<Semaphore>, tasks: &mut JoinSet<()>) -> Result<usize, StoreError> {
        let Ok(first) = Arc::clone(slots).acquire_owned().await else { return Ok(0) };
        let mut permits = vec![first];
        permits.extend(std::iter::from_fn(|| Arc::clone(slots).try_acquire_owned().ok()));
        let limit = u32::try_from(permits.len()).unwrap_or(u32::MAX);
        let claimed = self.engine.queue.claim(limit, self.engine.clock.now()).await?;
        let count = claimed.len();
        for (claimed, permit) in claimed.into_iter().zip(permits) {
            let engine = Arc::clone(&self.engine);
            tasks.spawn(async move {
                perform(&engine, claimed).await;
                drop(permit);
            });
        }
        Ok(count)
    }
}

async fn perform(engine: &Engine, claimed: crate::ports::queue::Claimed) {
    let id = claimed.result.id.0;
    if let Err(error) = engine.perform(claimed).await {
        tracing::error!(result = %id, %error, "the store failed while a job was at work; it goes on at the next start");
    }
}
