//! Retries of a line after a temporary failure.

use std::time::Duration;

use serde_json::Value;

use super::duration::{LONGEST_LINE, of_field};
use super::fault::{Fault, field};
use crate::model::schema::integer;

const MAX_DELAY: Duration = Duration::from_secs(5 * 60);

/// How often a line is tried, and how long to wait between two tries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// The number of tries, the first included.
    pub attempts: u32,
    /// The wait after the first try.
    pub delay: Duration,
    /// Each wait is longer than the one before by this factor.
    pub factor: f64,
    /// The longest wait, unless the service that failed asks for a longer one.
    pub max_delay: Duration,
    /// The share of each wait, from 0 to 1, that is added or subtracted at random, so that many lines
    /// do not try again at the same time.
    pub jitter: f64,
    /// Whether a line that timed out is tried again too.
    pub on_timeout: bool,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 3,
            delay: Duration::from_secs(1),
            factor: 2.0,
            max_delay: MAX_DELAY,
            jitter: 0.1,
            on_timeout: false,
        }
    }
}

impl Retry {
    /// Reads the `retry` of a line, whose shape was checked.
    ///
    /// # Errors
    /// Every fault, with its path below `path`.
    pub fn read(written: &Value, path: &str) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let default = Self::default();
        let delay = of_field((written, "delay", path), LONGEST_LINE, &mut faults).unwrap_or(default.delay);
        let max_delay = of_field((written, "maxDelay", path), LONGEST_LINE, &mut faults);
        if max_delay.is_some_and(|most| most < delay) {
            faults.push(Fault::at(field(path, "maxDelay"), "is shorter than `delay`; it must be at least as long"));
        }
        let retry = Self {
            attempts: integer(&written["attempts"]).unwrap_or(default.attempts),
            delay,
            factor: written["factor"].as_f64().unwrap_or(default.factor),
            // A `delay` above the default of `maxDelay` must not be cut.
            max_delay: max_delay.unwrap_or(default.max_delay.max(delay)),
            jitter: written["jitter"].as_f64().unwrap_or(default.jitter),
            on_timeout: written["onTimeout"].as_bool().unwrap_or(default.on_timeout),
        };
        if faults.is_empty() { Ok(retry) } else { Err(faults) }
    }

    /// How long to wait after this many tries; none if there are no more. `at_least` is the wait that
    /// the service that failed asked for, and `chance`, from 0 to 1, determines the jitter.
    pub fn wait(&self, tries_so_far: u32, at_least: Option<Duration>, chance: f64) -> Option<Duration> {
        if tries_so_far >= self.attempts {
            return None;
        }
        let swing = 1.0 + self.jitter * (2.0 * chance.clamp(0.0, 1.0) - 1.0);
        let most = self.max_delay.as_secs_f64();
        // A result that is infinite or not a number means the longest wait.
        let seconds = (self.seconds_without_jitter(tries_so_far) * swing).clamp(0.0, most);
        let wait = Duration::try_from_secs_f64(seconds).unwrap_or(self.max_delay);
        Some(wait.max(at_least.unwrap_or_default()).min(LONGEST_LINE))
    }

    fn seconds_without_jitter(&self, tries_so_far: u32) -> f64 {
        let exponent = i32::try_from(tries_so_far.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = self.delay.as_secs_f64() * self.factor.powi(exponent);
        seconds.min(self.max_delay.as_secs_f64())
    }
}

#[cfg(test)]
mod tests;
