//! Token buckets: each key may be used a number of times per minute, at an even rate after a first burst.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);
/// From this many buckets on, those that are full again are removed.
const CLEANUP_SIZE: usize = 10_000;

/// A token bucket for each key.
#[derive(Debug)]
pub(super) struct RateLimiter<Key>(Mutex<HashMap<Key, TokenBucket>>);

/// A bucket that is refilled at an even rate, up to the tokens of one minute.
#[derive(Debug, Clone, Copy)]
struct TokenBucket {
    tokens: f64,
    updated_at: Instant,
}

impl<Key> Default for RateLimiter<Key> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<Key: Eq + Hash> RateLimiter<Key> {
    /// Takes a token.
    ///
    /// # Errors
    /// The bucket is empty: how long until the next token.
    pub(super) fn try_take(&self, key: Key, per_minute: u32, now: Instant) -> Result<(), Duration> {
        let capacity = f64::from(per_minute);
        let refilled = |bucket: &TokenBucket| {
            let minutes = now.saturating_duration_since(bucket.updated_at).as_secs_f64() / MINUTE.as_secs_f64();
            (bucket.tokens + capacity * minutes).min(capacity)
        };
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() > CLEANUP_SIZE {
            buckets.retain(|_, bucket| now.saturating_duration_since(bucket.updated_at) < MINUTE);
        }
        let tokens = buckets.get(&key).map_or(capacity, refilled);
        if tokens < 1.0 {
            let wait = if per_minute == 0 { 1.0 } else { (1.0 - tokens) / capacity };
            return Err(MINUTE.mul_f64(wait));
        }
        buckets.insert(key, TokenBucket { tokens: tokens - 1.0, updated_at: now });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_and_then_an_even_rate() {
        let (limiter, began) = (RateLimiter::default(), Instant::now());
        let burst = (0..100).filter(|_| limiter.try_take("a", 60, began).is_ok()).count();
        assert_eq!(burst, 60);
        let wait = limiter.try_take("a", 60, began).unwrap_err();
        assert!(wait > Duration::from_millis(900) && wait <= Duration::from_secs(1), "{wait:?}");
        let later = began + Duration::from_millis(2_500);
        assert_eq!((0..10).filter(|_| limiter.try_take("a", 60, later).is_ok()).count(), 2);
        assert!(limiter.try_take("b", 60, later).is_ok(), "other keys are not affected");
        assert!(limiter.try_take("c", 0, later).is_err());
    }
}
