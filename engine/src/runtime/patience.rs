//! Patience with a store that is away: a write of a worker is tried until it succeeds, and
//! the node says meanwhile that it is paused. What a line has done outside is not done twice
//! because the disk was full for an hour.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::engine::Engine;
use crate::ports::StoreError;
use crate::ports::queue::LeaseError;

/// How long a failing store is left alone at first, and at most.
const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(5);
/// After how many failures it is asked whether the fault is in this write alone.
const BEFORE_PROBE: u32 = 4;

/// Longer and longer pauses.
pub(crate) struct Pauses(Duration);

impl Default for Pauses {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Pauses {
    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (self.0 * 2).min(LONGEST);
        pause
    }
}

/// The patience for one write.
pub(crate) struct Patience<'a> {
    engine: &'a Engine,
    interrupted: &'a CancellationToken,
    pauses: Pauses,
    failures: u32,
}

impl<'a> Patience<'a> {
    pub(crate) fn of(engine: &'a Engine, interrupted: &'a CancellationToken) -> Self {
        Self { engine, interrupted, pauses: Pauses::default(), failures: 0 }
    }

    /// Waits after a failure, for another try.
    ///
    /// # Errors
    /// There will be none: the lease is lost, the work was interrupted, or the store takes other
    /// writes but not this one.
    pub(crate) async fn bear(&mut self, error: LeaseError) -> Result<(), LeaseError> {
        let LeaseError::Store(error @ StoreError::Unavailable(_)) = error else { return Err(error) };
        self.failures += 1;
        let engine = self.engine;
        if self.failures > BEFORE_PROBE && engine.queue.beat(engine.node, engine.clock.now()).await.is_ok() {
            let told = format!("the store takes other writes, but not this one: {error}");
            return Err(StoreError::Unreadable(told).into());
        }
        engine.health.paused(&error);
        tokio::select! {
            () = self.interrupted.cancelled() => Err(error.into()),
            () = tokio::time::sleep(self.pauses.next()) => Ok(()),
        }
    }

    /// The write was made.
    pub(crate) fn over(&self) {
        if self.failures > 0 {
            self.engine.health.working();
        }
    }
}

/// Makes a write, with patience: the engine, what interrupts, and the write.
macro_rules! patiently {
    ($engine:expr, $interrupted:expr, $write:expr) => {{
        let mut patience = $crate::runtime::patience::Patience::of($engine, $interrupted);
        loop {
            match $write.await {
                Ok(answer) => {
                    patience.over();
                    break Ok(answer);
                }
                Err(error) => patience.bear(error).await?,
            }
        }
    }};
}

pub(crate) use patiently;
