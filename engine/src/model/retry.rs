//! Trying a line again that failed for the time being.

use std::time::Duration;

use serde_json::Value;

use super::duration::{LONGEST_LINE, of_field};
use super::fault::{Fault, field};

const MAX_DELAY: Duration = Duration::from_secs(5 * 60);

/// How often a line is tried, and what is waited between two tries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// All tries, the first included.
    pub attempts: u32,
    /// The wait after the first try.
    pub delay: Duration,
    /// By how much each wait is longer than the one before.
    pub factor: f64,
    /// The longest wait, unless the failing side asks for a longer one.
    pub max_delay: Duration,
    /// The share of each wait that is added or taken at random, so that not everybody
    /// comes back at once.
    pub jitter: f64,
    /// Whether a line that took too long is tried again too.
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
    /// Reads what a line says of it; the job schema has already accepted the shape.
    ///
    /// # Errors
    /// Every fault, with its path below `path`.
    pub fn read(written: &Value, path: &str) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let plain = Self::default();
        let delay = of_field((written, "delay", path), LONGEST_LINE, &mut faults).unwrap_or(plain.delay);
        let max_delay = of_field((written, "maxDelay", path), LONGEST_LINE, &mut faults);
        if max_delay.is_some_and(|most| most < delay) {
            faults.push(Fault::at(field(path, "maxDelay"), "is shorter than `delay`; no wait could be as long"));
        }
        let retry = Self {
            attempts: written["attempts"].as_u64().and_then(|all| u32::try_from(all).ok()).unwrap_or(plain.attempts),
            delay,
            factor: written["factor"].as_f64().unwrap_or(plain.factor),
            // Whoever asks for a long first wait means it.
            max_delay: max_delay.unwrap_or(plain.max_delay.max(delay)),
            jitter: written["jitter"].as_f64().unwrap_or(plain.jitter),
            on_timeout: written["onTimeout"].as_bool().unwrap_or(plain.on_timeout),
        };
        if faults.is_empty() { Ok(retry) } else { Err(faults) }
    }

    /// How long to wait after so many tries; none when they are used up. `at_least` is what
    /// the failing side asked for, and `chance`, from 0 to 1, decides about the jitter.
    pub fn wait(&self, tries_so_far: u32, at_least: Option<Duration>, chance: f64) -> Option<Duration> {
        if tries_so_far >= self.attempts {
            return None;
        }
        let swing = 1.0 + self.jitter * (2.0 * chance.clamp(0.0, 1.0) - 1.0);
        let most = self.max_delay.as_secs_f64();
        // Not a number and infinity come to the longest wait.
        let seconds = (self.plain_seconds(tries_so_far) * swing).clamp(0.0, most);
        let wait = Duration::try_from_secs_f64(seconds).unwrap_or(self.max_delay);
        Some(wait.max(at_least.unwrap_or_default()).min(LONGEST_LINE))
    }

    fn plain_seconds(&self, tries_so_far: u32) -> f64 {
        let doublings = i32::try_from(tries_so_far.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = self.delay.as_secs_f64() * self.factor.powi(doublings);
        seconds.min(self.max_delay.as_secs_f64())
    }
}

#[cfg(test)]
mod tests;
