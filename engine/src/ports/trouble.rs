//! What keeps a store from working, sorted so that it can be told to anybody: without a word of
//! what the store itself said.

use std::error::Error;

/// What stands in the way of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Obstacle {
    /// The disk is full.
    DiskFull,
    /// The disk cannot be read or written.
    DiskBroken,
    /// It does not answer, or refuses for a reason of its own.
    Away,
    /// What is stored cannot be read back.
    Unreadable,
}

impl Obstacle {
    /// Every one of them.
    pub const ALL: [Self; 4] = [Self::DiskFull, Self::DiskBroken, Self::Away, Self::Unreadable];

    /// The word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::DiskFull => "disk-full",
            Self::DiskBroken => "disk-broken",
            Self::Away => "store-away",
            Self::Unreadable => "store-unreadable",
        }
    }

    /// What it is and what to do, in one sentence.
    pub fn told(self) -> &'static str {
        match self {
            Self::DiskFull => "The disk of the server is full; make room, and work goes on by itself.",
            Self::DiskBroken => {
                "The disk of the server cannot be read or written; see to it, and work goes on by itself."
            }
            Self::Away => "The store does not answer; the server's log says more, and work goes on when it does.",
            Self::Unreadable => "The store holds something that cannot be read back; the server's log says more.",
        }
    }
}

/// Trouble of a store whose cause is known.
#[derive(Debug, thiserror::Error)]
#[error("{} ({cause})", .obstacle.told())]
pub struct Trouble {
    /// What stands in the way.
    pub obstacle: Obstacle,
    /// What the store said, for its operator.
    #[source]
    pub cause: Box<dyn Error + Send + Sync>,
}
