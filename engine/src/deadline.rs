//! When work has to stop: at its deadline, or when it is killed.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Why work was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It reached this timeout.
    TimedOut(Duration),
    /// It was killed, or its worker stops.
    Killed,
}

/// A deadline, and a token that interrupts the work.
#[derive(Debug, Clone)]
pub(crate) struct Deadline {
    end: Instant,
    timeout: Duration,
    kill: CancellationToken,
}

impl Deadline {
    /// The deadline of work that begins now.
    pub(crate) fn new(kill: CancellationToken, timeout: Duration) -> Self {
        Self { end: Instant::now() + timeout, timeout, kill }
    }

    /// Checks the deadline in work that is not async.
    ///
    /// # Errors
    /// The work has to stop now.
    pub(crate) fn check(&self) -> Result<(), Cut> {
        match () {
            () if self.kill.is_cancelled() => Err(Cut::Killed),
            () if Instant::now() >= self.end => Err(Cut::TimedOut(self.timeout)),
            () => Ok(()),
        }
    }

    /// Waits for work until the deadline.
    ///
    /// # Errors
    /// The work was stopped, and is dropped.
    pub(crate) async fn run<T>(&self, work: impl Future<Output = T>) -> Result<T, Cut> {
        self.run_with_grace(work, Duration::ZERO).await
    }

    /// Waits a little longer, for work that checks its timeout itself and reports it better.
    ///
    /// # Errors
    /// The work was stopped, and is dropped.
    pub(crate) async fn run_with_grace<T>(&self, work: impl Future<Output = T>, grace: Duration) -> Result<T, Cut> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = self.kill.cancelled() => Err(Cut::Killed),
            () = tokio::time::sleep_until(self.end + grace) => Err(Cut::TimedOut(self.timeout)),
        }
    }
}
