//! Why a result waits.

use super::lease_state::LeaseState;
use crate::model::Instant;
use crate::model::result::ResultId;

/// Why a result that has not ended is not running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waiting {
    /// It could begin: all workers are busy, or one is about to claim it.
    Worker,
    /// Its queue has reached its limit.
    QueueFull {
        /// Key of the queue.
        queue: String,
        /// How many may run at the same time.
        limit: u32,
    },
    /// It waits for an earlier result of the same job: the oldest one that does not wait itself.
    Behind(ResultId),
    /// A line is retried at this time.
    Until(Instant),
}

/// What decides why a result waits.
#[derive(Debug, Clone, Copy)]
pub struct Lease<'a> {
    /// The state of its lease.
    pub state: LeaseState,
    /// Until when it waits; only for [`LeaseState::Later`].
    pub until: Option<Instant>,
    /// Whether it waits for a node with nothing running, see [`super::isolation`].
    pub isolated: bool,
    /// The oldest result of its job that waits for no other; only for [`LeaseState::Behind`].
    pub ahead: Option<ResultId>,
    /// Its queue and the limit of that queue, if it is reached; only for [`LeaseState::Ready`].
    pub full: Option<(&'a str, u32)>,
}

impl Lease<'_> {
    /// Why the result waits; none if it does not.
    pub fn waits_for(self) -> Option<Waiting> {
        match self.state {
            LeaseState::Leased => None,
            LeaseState::Later if self.isolated => Some(Waiting::Worker),
            LeaseState::Later => self.until.map(Waiting::Until),
            LeaseState::Behind => Some(self.ahead.map_or(Waiting::Worker, Waiting::Behind)),
            LeaseState::Ready => Some(
                self.full
                    .map_or(Waiting::Worker, |(queue, limit)| Waiting::QueueFull { queue: queue.to_owned(), limit }),
            ),
        }
    }
}
