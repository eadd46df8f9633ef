//! The clocks of a guest of WASI.

use std::time::{Duration, Instant};

use chrono::DateTime;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

/// The time of day, which is always the same instant.
pub(super) struct Frozen(Duration);

impl Frozen {
    /// A clock that shows this instant (RFC 3339), or the beginning of 1970 if it cannot be read.
    pub(super) fn at(now: &str) -> Self {
        let since_1970 = DateTime::parse_from_rfc3339(now).ok().and_then(|now| {
            let seconds = u64::try_from(now.timestamp()).ok()?;
            Some(Duration::new(seconds, now.timestamp_subsec_nanos().min(999_999_999)))
        });
        Self(since_1970.unwrap_or_default())
    }
}

impl HostWallClock for Frozen {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        self.0
    }
}

/// Counts nanoseconds from the first call of WASI.
pub(super) struct Running(Instant);

impl Running {
    pub(super) fn from_zero() -> Self {
        Self(Instant::now())
    }
}

impl HostMonotonicClock for Running {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day_is_the_clock_reading() {
        let at = |now| Frozen::at(now).now();
        assert_eq!(at("1970-01-02T01:00:00.5+01:00"), Duration::from_millis(86_400_500));
        assert_eq!(at("1969-12-31T00:00:00Z"), Duration::ZERO);
        assert_eq!(at("not a time"), Duration::ZERO);
    }
}
