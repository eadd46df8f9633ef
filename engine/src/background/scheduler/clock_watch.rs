//! Detects jumps of the clock by comparing it with elapsed time.

use std::time::Duration;

use chrono::TimeDelta;

use crate::model::Instant;
use crate::ports::clock::Clock;

/// Corrections of the clock up to this are not jumps.
const TOLERANCE: TimeDelta = TimeDelta::seconds(1);

/// Watches a clock.
pub(super) struct ClockWatch {
    since: Instant,
    shown: Instant,
    steady: Duration,
}

impl ClockWatch {
    pub(super) fn begin(clock: &dyn Clock) -> Self {
        let shown = clock.now();
        Self { since: shown, shown, steady: clock.steady() }
    }

    /// Since when no instant was skipped.
    pub(super) fn since(&self) -> Instant {
        self.since
    }

    /// By how much the clock has jumped since the last check. Instants that it jumped over, or that passed while the
    /// machine slept, were skipped. Instants that it shows for the second time were not.
    pub(super) fn check(&mut self, clock: &dyn Clock) -> Option<TimeDelta> {
        let (shown, steady) = (clock.now(), clock.steady());
        let passed = TimeDelta::from_std(steady.saturating_sub(self.steady)).unwrap_or(TimeDelta::MAX);
        let jump = (shown - self.shown).checked_sub(&passed).unwrap_or(TimeDelta::zero());
        (self.shown, self.steady) = (shown, steady);
        if jump.abs() <= TOLERANCE {
            return None;
        }
        self.since = if jump > TimeDelta::zero() { shown } else { self.since.min(shown) };
        Some(jump)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::clock::StandingClock;

    #[test]
    fn jumps_are_distinguished_from_the_passing_of_time() {
        let begin = "2026-11-20T09:30:00Z".parse().unwrap();
        let clock = StandingClock::at(begin);
        let mut watch = ClockWatch::begin(&clock);
        clock.advance(TimeDelta::hours(5));
        assert_eq!((watch.check(&clock), watch.since()), (None, begin));
        clock.jump(TimeDelta::milliseconds(900));
        assert_eq!((watch.check(&clock), watch.since()), (None, begin));
        clock.jump(TimeDelta::hours(1));
        assert_eq!((watch.check(&clock), watch.since()), (Some(TimeDelta::hours(1)), clock.now()));
        let forward = clock.now();
        clock.advance(TimeDelta::hours(1));
        clock.jump(TimeDelta::minutes(-30));
        assert_eq!(
            (watch.check(&clock), watch.since()),
            (Some(TimeDelta::minutes(-30)), forward),
            "it was seen before"
        );
        clock.jump(TimeDelta::hours(-9));
        assert_eq!((watch.check(&clock), watch.since()), (Some(TimeDelta::hours(-9)), clock.now()));
    }
}
