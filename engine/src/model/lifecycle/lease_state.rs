//! The states of a lease.

/// What a result that has not ended waits for, or that a worker holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseState {
    /// Waits for a worker.
    Ready,
    /// Waits for an earlier result of its job.
    Behind,
    /// Waits until a time.
    Later,
    /// A worker holds it.
    Leased,
}

impl LeaseState {
    /// Its name in a store.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Behind => "behind",
            Self::Later => "later",
            Self::Leased => "leased",
        }
    }

    /// The state with this name.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Ready, Self::Behind, Self::Later, Self::Leased].into_iter().find(|state| state.word() == word)
    }
}
