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

impl Engine {
    /// Writes, and tries again while the store is away. Gives up when the work is interrupted,
    /// and when the store takes other writes but not this one.
    ///
    /// # Errors
    /// The lease is lost, or it was given up.
    pub(crate) async fn patiently<T>(
        &self,
        interrupted: &CancellationToken,
        write: impl AsyncFn() -> Result<T, LeaseError>,
    ) -> Result<T, LeaseError> {
        let (mut pauses, mut failures) = (Pauses::default(), 0);
        loop {
            let error = match write().await {
                Err(LeaseError::Store(error @ StoreError::Unavailable(_))) => error,
                answer => {
                    if failures > 0 && answer.is_ok() {
                        self.health.working();
                    }
                    return answer;
                }
            };
            failures += 1;
            if failures > BEFORE_PROBE && self.queue.beat(self.node, self.clock.now()).await.is_ok() {
                return Err(error.into());
            }
            self.health.paused(&error);
            tokio::select! {
                () = interrupted.cancelled() => return Err(error.into()),
                () = tokio::time::sleep(pauses.next()) => {}
            }
        }
    }
}
