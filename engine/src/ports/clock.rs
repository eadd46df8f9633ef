//! The clock: the only place where the current time is read.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DurationRound, TimeDelta};

use crate::model::Instant;

/// Tells the time. Microsecond precision, since that is what stores keep.
pub trait Clock: Send + Sync {
    /// The present moment. Somebody may set the clock, so that it jumps.
    fn now(&self) -> Instant;

    /// The time that has passed since some moment, even if the clock is set. It stops while the machine sleeps.
    fn steady(&self) -> Duration;
}

/// The clock of the machine.
#[derive(Debug, Default)]
pub struct SystemClock;

/// The moment from which [`SystemClock`] measures the time that has passed.
static BEGAN: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        let now = chrono::Utc::now();
        now.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(now)
    }

    fn steady(&self) -> Duration {
        BEGAN.elapsed()
    }
}

/// A clock for tests that only moves by hand.
#[derive(Debug)]
pub struct StandingClock(Mutex<(Instant, Duration)>);

impl StandingClock {
    /// A clock that shows `instant`.
    pub fn at(instant: Instant) -> Self {
        Self(Mutex::new((instant, Duration::ZERO)))
    }

    fn hands(&self) -> MutexGuard<'_, (Instant, Duration)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets time pass.
    pub fn advance(&self, by: TimeDelta) {
        let mut hands = self.hands();
        hands.0 += by;
        hands.1 += by.to_std().unwrap_or_default();
    }

    /// Sets the clock forward or back without letting time pass.
    pub fn jump(&self, by: TimeDelta) {
        self.hands().0 += by;
    }
}

impl Clock for StandingClock {
    fn now(&self) -> Instant {
        self.hands().0
    }

    fn steady(&self) -> Duration {
        self.hands().1
    }
}
