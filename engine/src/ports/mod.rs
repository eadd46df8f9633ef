//! What the engine needs from the outside, as narrow traits.
//!
//! The crate `memory` implements every port of a store in memory, and the crate `suite` has the tests that every store
//! passes.

pub mod actions;
pub mod audit;
pub mod clock;
pub mod collections;
pub mod files;
pub mod host_calls;
pub mod jobs;
pub mod metrics;
pub mod modules;
pub mod organizations;
pub mod parts;
pub mod queue;
pub mod queues;
pub mod results;
pub mod schedules;
pub mod scratch;
pub mod stores;
pub mod templates;
pub mod tokens;
pub mod trouble;
pub mod webhooks;

use trouble::{Obstacle, Trouble};

/// Why a store could not answer. Refusals that a caller handles have their own types beside each port.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is away, busy or full; trying again may help.
    #[error("the store is unavailable: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What is stored cannot be read back.
    #[error("the store holds something unreadable: {0}")]
    Unreadable(String),
}

impl StoreError {
    /// The cause, as far as it is known.
    pub fn obstacle(&self) -> Obstacle {
        match self {
            Self::Unreadable(_) => Obstacle::Unreadable,
            Self::Unavailable(cause) => cause.downcast_ref().map_or(Obstacle::Away, |known: &Trouble| known.obstacle),
        }
    }
}

/// A request for a page of a listing: at most `limit` items, newest first, older than `before`.
#[derive(Debug, Clone)]
pub struct Page<Cursor> {
    /// The last item of the page before; none for the first page.
    pub before: Option<Cursor>,
    /// How many at most.
    pub limit: u32,
}

/// Bytes that a page of a listing holds at most, as the store keeps its items. A page ends before the item
/// that would exceed it, unless that is its first; `more` says that there are more.
pub const PAGE_BYTES: usize = 1024 * 1024;

/// One page of a listing.
#[derive(Debug, Clone)]
pub struct Listed<Item> {
    /// The items, in the order of the listing.
    pub items: Vec<Item>,
    /// Whether there are more after them.
    pub more: bool,
}
