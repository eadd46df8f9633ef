//! Whether this node works, or is paused because its store fails, and why.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::Instant;
use crate::ports::StoreError;
use crate::ports::clock::Clock;
use crate::ports::trouble::Obstacle;

/// Why a node is paused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Since when.
    pub since: Instant,
    /// What keeps the store from working.
    pub obstacle: Obstacle,
    /// The last error of the store, for the operator of the server.
    pub reason: String,
}

/// The state of this node.
pub struct Health {
    clock: Arc<dyn Clock>,
    pause: Mutex<Option<Pause>>,
    workers: Workers,
}

/// How many workers have begun, and how many of them have ended.
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
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, pause: Mutex::default(), workers: Workers::default() }
    }

    /// Counts a worker until the guard is dropped.
    pub(crate) fn begin_worker(&self) -> Alive<'_> {
        self.workers.begun.fetch_add(1, Ordering::AcqRel);
        Alive(&self.workers)
    }

    /// Whether there were workers and all have ended: no job runs until the node is started again.
    pub fn has_no_worker(&self) -> bool {
        let ended = self.workers.ended.load(Ordering::Acquire);
        ended > 0 && ended == self.workers.begun.load(Ordering::Acquire)
    }

    /// Why the node is paused; none if it works.
    pub fn pause(&self) -> Option<Pause> {
        self.state().clone()
    }

    fn state(&self) -> MutexGuard<'_, Option<Pause>> {
        self.pause.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the store failed. The log reports when a pause begins.
    pub(crate) fn paused(&self, error: &StoreError) {
        let (reason, obstacle) = (error.to_string(), error.obstacle());
        let mut state = self.state();
        match state.as_mut() {
            Some(pause) => (pause.reason, pause.obstacle) = (reason, obstacle),
            None => {
                tracing::error!(
                    %reason,
                    "the store cannot be written, so this node is paused; it retries, and continues by itself when the \
                     store works again"
                );
                *state = Some(Pause { since: self.clock.now(), obstacle, reason });
            }
        }
    }

    /// Notes that the store works. The log reports the end of a pause.
    pub(crate) fn working(&self) {
        if let Some(pause) = self.state().take() {
            let paused_for_ms = (self.clock.now() - pause.since).num_milliseconds();
            tracing::warn!(paused_for_ms, "the store can be written again, so this node continues");
        }
    }
}
