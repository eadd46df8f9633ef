//! Retrying writes while the store is unavailable. The node is paused meanwhile. So an hour with a full disk does not
//! make a line repeat the effects that it had.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Node;
use crate::ports::StoreError;
use crate::ports::queue::LeaseError;

/// The first pause after a failure, and the longest.
const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(5);
/// After this many failures another write shows whether the store fails only for this one.
const BEFORE_PROBE: u32 = 4;

/// Pauses between attempts, each twice as long as the one before.
pub(crate) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Backoff {
    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (self.0 * 2).min(LONGEST);
        pause
    }
}

impl Node {
    /// Writes under a lease, and retries as long as the store is unavailable. `what` names the write in the log.
    ///
    /// # Errors
    /// The lease is lost, the work was interrupted, or the store accepts other writes but not this one.
    pub(crate) async fn retry_write<T, Written: Future<Output = Result<T, LeaseError>>>(
        &self,
        what: &'static str,
        interrupted: &CancellationToken,
        write: impl Fn() -> Written,
    ) -> Result<T, LeaseError> {
        let (mut backoff, mut failures) = (Backoff::default(), 0);
        loop {
            let error = match write().await {
                Err(LeaseError::Store(error @ StoreError::Unavailable(_))) => error,
                written => {
                    if failures > 0 && written.is_ok() {
                        self.health.working();
                    }
                    return written;
                }
            };
            failures += 1;
            if failures == 1 {
                tracing::warn!(write = what, %error, "a write to the store failed and is retried");
            }
            if failures > BEFORE_PROBE && self.stores.queue.beat(self.id, self.clock.now()).await.is_ok() {
                let message = format!("the store accepts other writes, but not this one: {error}");
                return Err(StoreError::Unreadable(message).into());
            }
            self.health.paused(&error);
            tokio::select! {
                () = interrupted.cancelled() => return Err(error.into()),
                () = tokio::time::sleep(backoff.next()) => {}
            }
        }
    }
}
