//! Random numbers that are the same in every attempt of a line.

use std::convert::Infallible;

use rand_core::TryRng;
use sha2::{Digest, Sha256};

/// A generator: SHA-256 of a key and a counter, block after block.
pub(super) struct Seeded {
    start: Sha256,
    counter: u64,
    block: [u8; 32],
    used: usize,
}

impl Seeded {
    /// Numbers for this idempotency key. Another `stream` gives other numbers.
    pub(super) fn with(key: &str, stream: &str) -> Self {
        let start = Sha256::new().chain_update(stream).chain_update([0]).chain_update(key).chain_update([0]);
        Self { start, counter: 0, block: [0; 32], used: 32 }
    }

    fn byte(&mut self) -> u8 {
        if self.used == self.block.len() {
            self.block = self.start.clone().chain_update(self.counter.to_le_bytes()).finalize().into();
            self.counter = self.counter.wrapping_add(1);
            self.used = 0;
        }
        self.used += 1;
        self.block[self.used - 1]
    }
}

/// The seed of hash tables and the like.
pub(super) fn seed(key: &str) -> u128 {
    let mut seeded = Seeded::with(key, "seed");
    u128::from_le_bytes(std::array::from_fn(|_| seeded.byte()))
}

impl TryRng for Seeded {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(std::array::from_fn(|_| self.byte())))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(std::array::from_fn(|_| self.byte())))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.iter_mut().for_each(|byte| *byte = self.byte());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(key: &str, stream: &str) -> [u8; 100] {
        let (mut seeded, mut bytes) = (Seeded::with(key, stream), [0; 100]);
        seeded.try_fill_bytes(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn the_same_key_gives_the_same_numbers_and_another_gives_others() {
        assert_eq!(first("a:1", "secure"), first("a:1", "secure"));
        assert_ne!(first("a:1", "secure"), first("a:2", "secure"));
        assert_ne!(first("a:1", "secure"), first("a:1", "insecure"));
        assert_ne!(first("a:1", "secure")[..32], first("a:1", "secure")[32..64]);
        assert_ne!(seed("a:1"), seed("a:2"));
    }
}
