//! The results that run on this node: how to interrupt them, their progress, and what is not written to the store yet.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::model::organization::OrganizationId;
use crate::model::result::{LineResult, LogEntry, ResultId};
use crate::node::events::Progress;

/// The job results that run on this node.
#[derive(Debug, Default)]
pub(crate) struct RunningResults(Mutex<HashMap<ResultId, Arc<LiveResult>>>);

/// A job result that runs.
#[derive(Debug)]
pub(crate) struct LiveResult {
    pub(crate) organization: OrganizationId,
    /// Interrupts the work.
    pub(crate) cancellation: CancellationToken,
    /// Set when all lines have ended, so that only the end of the result is to be written.
    pub(crate) lines_done: CancellationToken,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    progress: Option<Progress>,
    /// Lines that began or ended and are not written yet.
    unwritten: BTreeMap<u32, LineResult>,
    /// What the running line has logged so far.
    log: Vec<LogEntry>,
}

impl LiveResult {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the state of a line that began or ended.
    pub(crate) fn set_line(&self, line: &LineResult) {
        let mut state = self.state();
        if line.status.is_final() {
            state.log.clear();
        }
        state.unwritten.insert(line.line_no, line.clone());
    }

    /// Every line that is not written yet, in its current state.
    pub(crate) fn unwritten(&self) -> Vec<LineResult> {
        let state = self.state();
        let with_log = |line: &LineResult| {
            let log = if line.status.is_final() { line.log.clone() } else { state.log.clone() };
            LineResult { log, ..line.clone() }
        };
        state.unwritten.values().map(with_log).collect()
    }

    /// Removes lines that were written, unless they changed meanwhile.
    pub(crate) fn remove_written(&self, lines: &[LineResult]) {
        let mut state = self.state();
        for line in lines {
            let is_unchanged = state.unwritten.get(&line.line_no).is_some_and(|newer| newer.status == line.status);
            if is_unchanged && line.status.is_final() {
                state.unwritten.remove(&line.line_no);
            }
        }
    }

    /// Adds a message of the running line.
    pub(crate) fn add_log(&self, entry: LogEntry) {
        self.state().log.push(entry);
    }

    pub(crate) fn set_progress(&self, progress: Progress) {
        self.state().progress = Some(progress);
    }

    pub(crate) fn progress(&self) -> Option<Progress> {
        self.state().progress.clone()
    }
}

impl RunningResults {
    fn entries(&self) -> MutexGuard<'_, HashMap<ResultId, Arc<LiveResult>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a result until the guard is dropped.
    pub(crate) fn begin(
        &self,
        organization: OrganizationId,
        id: ResultId,
        lines_done: CancellationToken,
    ) -> RunningGuard<'_> {
        let cancellation = CancellationToken::new();
        let live = Arc::new(LiveResult { organization, cancellation, lines_done, state: Mutex::default() });
        self.entries().insert(id, Arc::clone(&live));
        RunningGuard { running: self, id, live }
    }

    /// The result, if it runs here.
    pub(crate) fn find(&self, id: ResultId) -> Option<Arc<LiveResult>> {
        self.entries().get(&id).cloned()
    }

    /// How many results run here.
    pub(crate) fn len(&self) -> usize {
        self.entries().len()
    }

    /// Interrupts all results, because the node stops.
    pub(crate) fn interrupt_all(&self) {
        self.entries().values().for_each(|live| live.cancellation.cancel());
    }

    /// Interrupts a result, if it runs here.
    pub(crate) fn interrupt(&self, id: ResultId) {
        if let Some(live) = self.find(id) {
            live.cancellation.cancel();
        }
    }
}

/// Removes a result when it is dropped.
pub(crate) struct RunningGuard<'a> {
    running: &'a RunningResults,
    id: ResultId,
    pub(crate) live: Arc<LiveResult>,
}

impl Drop for RunningGuard<'_> {
    fn drop(&mut self) {
        let mut entries = self.running.entries();
        // If its lease was lost, the result may have been claimed again by this node.
        if entries.get(&self.id).is_some_and(|live| Arc::ptr_eq(live, &self.live)) {
            entries.remove(&self.id);
        }
    }
}
