//! The causes that keep a store from working, in a form that can be shown to everybody: without the error text of the
//! store.

use std::error::Error;

/// What keeps a store from working.
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
    /// All of them.
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
    pub fn message(self) -> &'static str {
        match self {
            Self::DiskFull => "The disk of the server is full; free some space, and the server continues by itself.",
            Self::DiskBroken => {
                "The disk of the server cannot be read or written; repair it, and the server continues by itself."
            }
            Self::Away => {
                "The store does not answer; see the log of the server, and the server continues when the store answers."
            }
            Self::Unreadable => "The store holds data that cannot be read back; see the log of the server.",
        }
    }
}

/// An error of a store whose cause is known.
#[derive(Debug, thiserror::Error)]
#[error("{} ({cause})", .obstacle.message())]
pub struct Trouble {
    /// The known cause.
    pub obstacle: Obstacle,
    /// The error of the store, for its operator.
    #[source]
    pub cause: Box<dyn Error + Send + Sync>,
}
