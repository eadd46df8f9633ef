//! When work has to stop: at its deadline, or when it is killed.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Why work was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// It reached this timeout.
    TimedOut(Duration),
    /// It was killed, or its worker stops.
    Cancelled,
}

/// A deadline, and a token that interrupts the work.
#[derive(Debug, Clone)]
pub(crate) struct Deadline {
    end: Instant,
    timeout: Duration,
    cancellation: CancellationToken,
}

impl Deadline {
    /// The deadline of work that begins now.
    pub(crate) fn new(cancellation: CancellationToken, timeout: Duration) -> Self {
        Self { end: Instant::now() + timeout, timeout, cancellation }
    }

    /// Checks the deadline in work that is not async.
    ///
    /// # Errors
    /// The work has to stop now.
    pub(crate) fn check(&self) -> Result<(), Interrupt> {
        match () {
            () if self.cancellation.is_cancelled() => Err(Interrupt::Cancelled),
            () if Instant::now() >= self.end => Err(Interrupt::TimedOut(self.timeout)),
            () => Ok(()),
        }
    }

    /// Waits for work until the deadline.
    ///
    /// # Errors
    /// The work was stopped, and is dropped.
    pub(crate) async fn run<T>(&self, work: impl Future<Output = T>) -> Result<T, Interrupt> {
        self.run_with_grace(work, Duration::ZERO).await
    }

    /// Waits a little longer, for work that checks its timeout itself and reports it better.
    ///
    /// # Errors
    /// The work was stopped, and is dropped.
    pub(crate) async fn run_with_grace<T>(
        &self,
        work: impl Future<Output = T>,
        grace: Duration,
    ) -> Result<T, Interrupt> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = self.cancellation.cancelled() => Err(Interrupt::Cancelled),
            () = tokio::time::sleep_until(self.end + grace) => Err(Interrupt::TimedOut(self.timeout)),
        }
    }
}
