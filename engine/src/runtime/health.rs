//! Whether this node works, or is paused because its store is away, and why.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::Instant;
use crate::ports::StoreError;
use crate::ports::clock::Clock;
use crate::ports::trouble::Obstacle;

/// Why a node does not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Since when.
    pub since: Instant,
    /// What kind of trouble that is.
    pub obstacle: Obstacle,
    /// What the store said last, for whoever operates the server.
    pub reason: String,
}

/// The state of this node.
pub struct Health {
    clock: std::sync::Arc<dyn Clock>,
    pause: Mutex<Option<Pause>>,
    workers: Workers,
}

/// How many workers began, and how many of them ended.
#[derive(Default)]
struct Workers {
    begun: AtomicU32,
    ended: AtomicU32,
}

/// A worker that is alive until this is dropped.
pub(crate) struct Alive<'a>(&'a Workers);

impl Drop for Alive<'_> {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::AcqRel);
    }
}

impl Health {
    pub(crate) fn of(clock: std::sync::Arc<dyn Clock>) -> Self {
        Self { clock, pause: Mutex::default(), workers: Workers::default() }
    }

    /// Notes that a worker lives, until what is given is dropped.
    pub(crate) fn worker(&self) -> Alive<'_> {
        self.workers.begun.fetch_add(1, Ordering::AcqRel);
        Alive(&self.workers)
    }

    /// Whether there were workers and none is alive any more: nothing is worked on until the node is
    /// started again.
    pub fn has_no_worker(&self) -> bool {
        let ended = self.workers.ended.load(Ordering::Acquire);
        ended > 0 && ended == self.workers.begun.load(Ordering::Acquire)
    }

    /// Why the node does not work; none if it does.
    pub fn pause(&self) -> Option<Pause> {
        self.state().clone()
    }

    fn state(&self) -> MutexGuard<'_, Option<Pause>> {
        self.pause.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the store failed. The log says so when it begins.
    pub(crate) fn paused(&self, error: &StoreError) {
        let (reason, obstacle) = (error.to_string(), error.obstacle());
        let mut state = self.state();
        match state.as_mut() {
            Some(pause) => (pause.reason, pause.obstacle) = (reason, obstacle),
            None => {
                tracing::error!(%reason, "this node is paused until the store can be written again; nothing is lost");
                *state = Some(Pause { since: self.clock.now(), obstacle, reason });
            }
        }
    }

    /// Notes that the store works.
    pub(crate) fn working(&self) {
        if let Some(pause) = self.state().take() {
            let lasted = (self.clock.now() - pause.since).num_milliseconds();
            tracing::warn!(lasted_ms = lasted, "the store can be written again; this node works again");
        }
    }
}
