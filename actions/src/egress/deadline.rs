//! Deadlines: no wait goes on forever.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::error::Error;
use super::limits::time_in_words;

/// The longest deadline, whatever is configured.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// When a call must end, and how much time it had in all.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    at: Instant,
    time: Duration,
}

impl Deadline {
    /// A deadline this much time from now, at most a day.
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

    pub(super) fn left(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// Does the work, or gives up at the deadline. The error message begins with `doing`, for
    /// example `Connecting to …`.
    ///
    /// # Errors
    /// Those of the work, and `TimedOut`.
    pub(super) async fn keep<T>(self, doing: &str, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        timeout_at(self.at, work).await.unwrap_or_else(|_| {
            let time = time_in_words(self.time);
            Err(Error::TimedOut(format!("{doing} took longer than {time}: allow more time, or find out what is slow.")))
        })
    }
}
