//! The only place where time is read.

use std::sync::Mutex;

use chrono::{DurationRound, TimeDelta};

use crate::model::Instant;

/// Tells the time. Microsecond precision, since that is what stores keep.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Instant;
}

/// The clock of the machine.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        let now = chrono::Utc::now();
        now.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(now)
    }
}

/// A clock that stands until it is moved by hand.
#[derive(Debug)]
pub struct StandingClock(Mutex<Instant>);

impl StandingClock {
    /// A clock that shows `instant`.
    pub fn at(instant: Instant) -> Self {
        Self(Mutex::new(instant))
    }

    /// Moves the clock.
    pub fn advance(&self, by: TimeDelta) {
        let mut shown = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *shown += by;
    }
}

impl Clock for StandingClock {
    fn now(&self) -> Instant {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
