//! What this node works on at the moment: how to interrupt it, and how far it is.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::model::result::ResultId;
use crate::ports::notices::Progress;

/// The job results at work on this node.
#[derive(Debug, Default)]
pub(crate) struct Running(Mutex<HashMap<ResultId, Entry>>);

#[derive(Debug)]
struct Entry {
    kill: CancellationToken,
    progress: Option<Progress>,
}

impl Running {
    fn entries(&self) -> MutexGuard<'_, HashMap<ResultId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that work begins; it ends when what is given is dropped.
    pub(crate) fn begin(&self, id: ResultId) -> AtWork<'_> {
        let kill = CancellationToken::new();
        self.entries().insert(id, Entry { kill: kill.clone(), progress: None });
        AtWork { running: self, id, kill }
    }

    /// Interrupts all work, since the node stops.
    pub(crate) fn interrupt_all(&self) {
        self.entries().values().for_each(|entry| entry.kill.cancel());
    }

    /// Interrupts the work on a result, if it is at work here.
    pub(crate) fn interrupt(&self, id: ResultId) {
        if let Some(entry) = self.entries().get(&id) {
            entry.kill.cancel();
        }
    }

    pub(crate) fn set_progress(&self, id: ResultId, progress: Progress) {
        if let Some(entry) = self.entries().get_mut(&id) {
            entry.progress = Some(progress);
        }
    }

    pub(crate) fn progress(&self, id: ResultId) -> Option<Progress> {
        self.entries().get(&id)?.progress.clone()
    }
}

/// A result at work on this node.
pub(crate) struct AtWork<'a> {
    running: &'a Running,
    id: ResultId,
    /// Interrupts the work.
    pub(crate) kill: CancellationToken,
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.running.entries().remove(&self.id);
    }
}
