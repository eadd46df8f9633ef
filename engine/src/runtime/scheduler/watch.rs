//! Looking at the clock: whether it went as time did.

use std::time::Duration;

use chrono::TimeDelta;

use crate::model::Instant;
use crate::ports::clock::Clock;

/// What a clock may be put right by without anybody noticing.
const SLACK: TimeDelta = TimeDelta::seconds(1);

/// Since when the clock is watched.
pub(super) struct Watch {
    since: Instant,
    shown: Instant,
    steady: Duration,
}

impl Watch {
    pub(super) fn begin(clock: &dyn Clock) -> Self {
        let shown = clock.now();
        Self { since: shown, shown, steady: clock.steady() }
    }

    /// From when on every instant was seen to come.
    pub(super) fn since(&self) -> Instant {
        self.since
    }

    /// By how much the clock has jumped since it was last looked at. Instants that it jumped over, or that
    /// passed while the machine slept, were not seen; what it shows again has been seen before.
    pub(super) fn look(&mut self, clock: &dyn Clock) -> Option<TimeDelta> {
        let (shown, steady) = (clock.now(), clock.steady());
        let passed = TimeDelta::from_std(steady.saturating_sub(self.steady)).unwrap_or(TimeDelta::MAX);
        let jump = (shown - self.shown).checked_sub(&passed).unwrap_or(TimeDelta::zero());
        (self.shown, self.steady) = (shown, steady);
        if jump.abs() <= SLACK {
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
    fn jumps_are_told_from_the_passing_of_time() {
        let begin = "2026-11-20T09:30:00Z".parse().unwrap();
        let clock = StandingClock::at(begin);
        let mut watch = Watch::begin(&clock);
        clock.advance(TimeDelta::hours(5));
        assert_eq!((watch.look(&clock), watch.since()), (None, begin));
        clock.jump(TimeDelta::milliseconds(900));
        assert_eq!((watch.look(&clock), watch.since()), (None, begin));
        clock.jump(TimeDelta::hours(1));
        assert_eq!((watch.look(&clock), watch.since()), (Some(TimeDelta::hours(1)), clock.now()));
        let forward = clock.now();
        clock.advance(TimeDelta::hours(1));
        clock.jump(TimeDelta::minutes(-30));
        assert_eq!((watch.look(&clock), watch.since()), (Some(TimeDelta::minutes(-30)), forward), "it was seen before");
        clock.jump(TimeDelta::hours(-9));
        assert_eq!((watch.look(&clock), watch.since()), (Some(TimeDelta::hours(-9)), clock.now()));
    }
}
