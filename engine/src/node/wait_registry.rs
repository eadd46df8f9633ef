//! The results of this node that wait for jobs which they started. The store knows them too; this registry only makes
//! their resumption quick and their progress visible.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::events::Progress;
use crate::model::result::ResultId;

/// The jobs that a line waits for.
#[derive(Debug, Clone)]
pub(crate) struct AwaitedJobs {
    /// The jobs that have not ended.
    pub open: HashSet<ResultId>,
    /// How many jobs there are in all.
    pub total: usize,
    /// The beginning of the idempotency keys of their starts.
    pub key_prefix: String,
}

impl AwaitedJobs {
    /// The message of a line that waits for them.
    pub(crate) fn message(&self) -> String {
        format!("Waits for {} of {} jobs that it started.", self.open.len(), self.total)
    }
}

/// The results of this node that wait for jobs.
#[derive(Debug, Default)]
pub(crate) struct WaitRegistry(Mutex<HashMap<ResultId, WaitingLine>>);

#[derive(Debug)]
struct WaitingLine {
    awaited: AwaitedJobs,
    line_no: u32,
    title: String,
}

impl WaitRegistry {
    fn entries(&self) -> MutexGuard<'_, HashMap<ResultId, WaitingLine>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, result: ResultId, awaited: AwaitedJobs, (line_no, title): (u32, &str)) {
        self.entries().insert(result, WaitingLine { awaited, line_no, title: title.to_owned() });
    }

    pub(crate) fn remove(&self, result: ResultId) {
        self.entries().remove(&result);
    }

    /// Notes that a job has ended. Returns whether it was the last that its starter waited for.
    pub(crate) fn job_ended(&self, starter: ResultId, job: ResultId) -> bool {
        let mut entries = self.entries();
        let Some(waiting) = entries.get_mut(&starter) else { return false };
        waiting.awaited.open.remove(&job);
        waiting.awaited.open.is_empty()
    }

    /// The message of a result that waits for jobs; none if it waits for none.
    pub(crate) fn message(&self, result: ResultId) -> Option<String> {
        self.entries().get(&result).map(|waiting| waiting.awaited.message())
    }

    /// How many of the jobs that a result waits for have ended, of how many.
    pub(crate) fn progress(&self, result: ResultId) -> Option<Progress> {
        let entries = self.entries();
        let WaitingLine { awaited, line_no, title } = entries.get(&result)?;
        let ended = (awaited.total - awaited.open.len()) as u64;
        Some(Progress { line_no: *line_no, line: title.clone(), taken: ended, of: awaited.total as u64 })
    }
}
