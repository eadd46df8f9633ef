//! What this node works on at the moment: how to interrupt it, how far it is, and what is
//! known of it that the store was not told yet.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::engine::Engine;
use crate::model::organization::{OrgScope, OrganizationId};
use crate::model::result::{LineResult, LogEntry, ResultId};
use crate::ports::notices::Progress;
use crate::ports::{Listed, StoreError};

/// The job results at work on this node.
#[derive(Debug, Default)]
pub(crate) struct Running(Mutex<HashMap<ResultId, Arc<Live>>>);

/// A job result at work.
#[derive(Debug)]
pub(crate) struct Live {
    organization: OrganizationId,
    /// Interrupts the work.
    pub(crate) kill: CancellationToken,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    progress: Option<Progress>,
    /// Lines that began or ended and were not written.
    unwritten: BTreeMap<u32, LineResult>,
    /// What the running line has logged so far.
    log: Vec<LogEntry>,
}

impl Live {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a line that began or ended.
    pub(crate) fn line(&self, line: &LineResult) {
        let mut state = self.state();
        if line.status.is_final() {
            state.log.clear();
        }
        state.unwritten.insert(line.line_no, line.clone());
    }

    /// Every line that was not written, as it stands now.
    pub(crate) fn unwritten(&self) -> Vec<LineResult> {
        let state = self.state();
        let with_log = |line: &LineResult| {
            let log = if line.status.is_final() { line.log.clone() } else { state.log.clone() };
            LineResult { log, ..line.clone() }
        };
        state.unwritten.values().map(with_log).collect()
    }

    /// These lines were written; what changed of them meanwhile was not.
    pub(crate) fn written(&self, lines: &[LineResult]) {
        let mut state = self.state();
        for line in lines {
            let open = state.unwritten.get(&line.line_no).is_some_and(|newer| newer.status == line.status);
            if open && line.status.is_final() {
                state.unwritten.remove(&line.line_no);
            }
        }
    }

    /// One more message of the running line.
    pub(crate) fn logged(&self, entry: LogEntry) {
        self.state().log.push(entry);
    }

    pub(crate) fn set_progress(&self, progress: Progress) {
        self.state().progress = Some(progress);
    }

    pub(crate) fn progress(&self) -> Option<Progress> {
        self.state().progress.clone()
    }
}

impl Running {
    fn entries(&self) -> MutexGuard<'_, HashMap<ResultId, Arc<Live>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that work begins; it ends when what is given is dropped.
    pub(crate) fn begin(&self, organization: OrganizationId, id: ResultId) -> AtWork<'_> {
        let live = Arc::new(Live { organization, kill: CancellationToken::new(), state: Mutex::default() });
        self.entries().insert(id, Arc::clone(&live));
        AtWork { running: self, id, live }
    }

    /// The result, if it is at work here.
    pub(crate) fn find(&self, id: ResultId) -> Option<Arc<Live>> {
        self.entries().get(&id).cloned()
    }

    /// Interrupts all work, since the node stops.
    pub(crate) fn interrupt_all(&self) {
        self.entries().values().for_each(|live| live.kill.cancel());
    }

    /// Interrupts the work on a result, if it is at work here.
    pub(crate) fn interrupt(&self, id: ResultId) {
        if let Some(live) = self.find(id) {
            live.kill.cancel();
        }
    }
}

impl Engine {
    /// Whether this node works on the result. One that was killed is worked on until the line that
    /// was cut has told what it did.
    pub fn is_at_work(&self, id: ResultId) -> bool {
        self.running.find(id).is_some()
    }

    /// The lines of these results, by result and `lineNo`, as they stand now: of what this node
    /// works on also what the store was not told yet.
    ///
    /// # Errors
    /// The store failed.
    pub async fn lines(&self, scope: OrgScope, ids: &[ResultId]) -> Result<Vec<(ResultId, LineResult)>, StoreError> {
        Ok(self.lines_within(scope, ids, None, usize::MAX).await?.items)
    }

    /// The first of these lines that together hold at most `most` bytes, at least one; with `after`, only those
    /// with a higher `lineNo`. What the store was not told yet comes on top.
    ///
    /// # Errors
    /// The store failed.
    pub async fn lines_within(
        &self,
        scope: OrgScope,
        ids: &[ResultId],
        after: Option<u32>,
        most: usize,
    ) -> Result<Listed<(ResultId, LineResult)>, StoreError> {
        // What ends in between is written by then, so that nothing falls between the two looks.
        let live: Vec<_> = ids.iter().filter_map(|id| Some((*id, self.running.find(*id)?))).collect();
        let newer: BTreeMap<_, _> = live
            .iter()
            .filter(|(_, live)| live.organization == scope.organization())
            .flat_map(|(id, live)| live.unwritten().into_iter().map(|line| ((*id, line.line_no), line)))
            .filter(|((_, line_no), _)| after.is_none_or(|after| *line_no > after))
            .collect();
        let written = self.results.lines_within(scope, ids, after, most).await?;
        if newer.is_empty() {
            return Ok(written);
        }
        let mut lines: BTreeMap<_, _> = newer;
        if let Some((id, last)) = written.items.last().filter(|_| written.more) {
            let last = (*id, last.line_no);
            lines.retain(|place, _| *place <= last);
        }
        for (id, line) in written.items {
            let place = (id, line.line_no);
            // The store has the last word on what has ended.
            if line.status.is_final() || !lines.contains_key(&place) {
                lines.insert(place, line);
            }
        }
        Ok(Listed { items: lines.into_iter().map(|((id, _), line)| (id, line)).collect(), more: written.more })
    }
}

/// A result at work on this node.
pub(crate) struct AtWork<'a> {
    running: &'a Running,
    id: ResultId,
    pub(crate) live: Arc<Live>,
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        let mut entries = self.running.entries();
        // A lost lease may have been followed by another claim on the same node.
        if entries.get(&self.id).is_some_and(|live| Arc::ptr_eq(live, &self.live)) {
            entries.remove(&self.id);
        }
    }
}
