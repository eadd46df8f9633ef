//! The end of every wait.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::error::Error;
use super::limits::time_in_words;

/// Whatever is configured, nothing takes longer.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// When a call must be over, and how much time it had.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    at: Instant,
    time: Duration,
}

impl Deadline {
    /// This much time from now, at most a day.
    pub fn after(time: Duration) -> Self {
        let time = time.min(LONGEST);
        Self { at: Instant::now() + time, time }
    }

    /// The sooner one: this deadline, or this much time from now.
    #[must_use]
    pub fn at_most(self, time: Duration) -> Self {
        let other = Self::after(time);
        if other.at < self.at { other } else { self }
    }

    /// What is left.
    pub(super) fn left(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// Does the work, or gives it up at the deadline. `doing` opens the message: `Connecting to …`.
    ///
    /// # Errors
    /// Those of the work, and `TimedOut`.
    pub(super) async fn keep<T>(self, doing: &str, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        timeout_at(self.at, work).await.unwrap_or_else(|_| {
            let time = time_in_words(self.time);
            Err(Error::TimedOut(format!("{doing} took longer than {time}: allow more time, or see what holds it up.")))
        })
    }
}
