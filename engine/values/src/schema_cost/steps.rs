//! Counts of steps.

/// A number of steps, of which a part depends on the length of the text that is checked.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Steps {
    pub(super) fixed: u64,
    /// Steps for each byte of the text.
    per_byte: u64,
}

impl Steps {
    pub(super) fn fixed(fixed: u64) -> Self {
        Self { fixed, per_byte: 0 }
    }

    pub(super) fn per_byte(per_byte: u64) -> Self {
        Self { fixed: 0, per_byte }
    }

    pub(super) fn and(self, other: Self) -> Self {
        let Self { fixed, per_byte } = other;
        Self { fixed: self.fixed.saturating_add(fixed), per_byte: self.per_byte.saturating_add(per_byte) }
    }

    pub(super) fn times(self, times: u64) -> Self {
        Self { fixed: self.fixed.saturating_mul(times), per_byte: self.per_byte.saturating_mul(times) }
    }

    /// The steps for this number of texts, with this number of bytes in total.
    pub(super) fn total(self, texts: u64, bytes: u64) -> u64 {
        self.fixed.saturating_mul(texts).saturating_add(self.per_byte.saturating_mul(bytes))
    }
}
