//! Where the history is kept: job results and line results, for those who
//! start, watch and kill. Workers use the `queue` port.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::actions::Told;
use super::parts::{Part, PartKind};
use super::{Listed, Page, StoreError};
use crate::model::Instant;
use crate::model::filter_template::TemplateVersion;
use crate::model::organization::OrgScope;
use crate::model::overlap::Overlap;
use crate::model::record::Records;
use crate::model::result::{Counters, JobResult, LineResult, ResultId, Scheduled};
use crate::model::status::{Event, Refusal, Status, next};

/// A start, accepted: what a new job result is made of.
#[derive(Debug, Clone)]
pub struct NewResult {
    /// Identity.
    pub id: ResultId,
    /// Key of the job.
    pub job: String,
    /// Version of the job.
    pub version: u32,
    /// The versions of filter templates it runs with.
    pub templates: Vec<TemplateVersion>,
    /// What the start called it.
    pub title: Option<String>,
    /// Who or what started it.
    pub started_by: String,
    /// Whether effects are only noted, not carried out.
    pub dry_run: bool,
    /// Key of the queue it waits in.
    pub queue: String,
    /// Higher comes first in its queue.
    pub priority: i32,
    /// What happens if an earlier result of the job has not ended. Dry runs neither wait nor are waited for.
    pub overlap: Overlap,
    /// Names this start for ever: a second one with the same key starts nothing.
    pub idempotency: Option<Idempotency>,
    /// The result that it tries again, and from where.
    pub retry: Option<Retrial>,
    /// The result that it tells of.
    pub notice_of: Option<ResultId>,
    /// The schedule that starts it, and for which instant. No instant of a schedule is started twice.
    pub scheduled: Option<Scheduled>,
    /// The result whose line starts it.
    pub started_from: Option<ResultId>,
    /// How many results started one another until this one.
    pub depth: u32,
    /// How it ends at once, whatever its overlap rule; none if it is to be performed.
    pub born: Option<Born>,
    /// Arguments, defaults filled in.
    pub arguments: Map<String, Value>,
    /// The start of the last full success, or what the start gave.
    pub since: Option<Instant>,
    /// The records that the start brought.
    pub records: Records,
    /// The one clock reading of its templates.
    pub now: Instant,
    /// When it was accepted.
    pub created_at: Instant,
}

/// The end of a result that never begins, but has to tell something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Born {
    /// A final status.
    pub status: Status,
    /// One sentence for a clerk.
    pub message: String,
}

/// The name of a start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// Unique in the organization.
    pub key: String,
    /// A digest of what was asked for: the same key with another one is refused.
    pub digest: String,
}

/// From where a retry goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct Retrial {
    /// The result that is tried again. It has ended.
    pub of: ResultId,
    /// The line that is next. The lines before it are taken over as they ended.
    pub line_no: u32,
    /// Its identity for what lines do outside; see [`JobResult::root`].
    pub root: ResultId,
    /// The sets that it begins with; none takes over the input of the line, what joins the set later, and, unless it is done anew,
    /// what is recorded of the line's batches.
    pub parts: Option<Vec<Part>>,
}

impl Retrial {
    /// Whether the result that does this is to do everything anew: what is recorded of batches
    /// belongs to another identity then, and is not taken over.
    pub fn is_anew(&self, by: ResultId) -> bool {
        self.root == by
    }
}

impl NewResult {
    /// The result as it is once the start is accepted, and the records it brought.
    pub fn accept(self) -> (JobResult, Records) {
        let ended = self.born.as_ref().map(|_| self.created_at);
        let (status, message) = self.born.map_or((Status::Pending, String::new()), |born| (born.status, born.message));
        let result = JobResult {
            id: self.id,
            job: self.job,
            version: self.version,
            title: self.title,
            status,
            message,
            started_by: self.started_by,
            dry_run: self.dry_run,
            queue: self.queue,
            priority: self.priority,
            root: self.retry.as_ref().map_or(self.id, |retry| retry.root),
            retry_of: self.retry.map(|retry| retry.of),
            notice_of: self.notice_of,
            scheduled: self.scheduled,
            started_from: self.started_from,
            depth: self.depth,
            arguments: self.arguments,
            since: self.since,
            now: self.now,
            created_at: self.created_at,
            started_at: None,
            finished_at: ended,
            attempt: 0,
            counters: Counters::default(),
            modules: Vec::new(),
            templates: self.templates,
            failed_line: None,
        };
        (result, self.records)
    }
}

/// What a start came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Started {
    /// The result: new, of the first start with the same name, or ended at once because the job overlaps.
    pub result: JobResult,
    /// The results that were killed to make room for it.
    pub replaced: Vec<ResultId>,
}

/// Why nothing was started.
#[derive(Debug, thiserror::Error)]
pub enum StartRefused {
    /// A start with the same name asked for something else.
    #[error("the idempotency key was used for another start, which made the job result {}", .0.0)]
    Conflict(ResultId),
    /// The result that is to be tried again is gone, or what it needs of it.
    #[error("the job result is no longer kept, so it cannot be tried again")]
    Gone,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How a result ends that is passed over because an earlier one has not ended.
pub fn skipped(result: &mut JobResult, other: ResultId, at: Instant) -> Result<(), Refusal> {
    result.status = next(result.status, Event::End(Status::Info))?;
    result.message = format!("Skipped: the job result {} of the same job had not ended.", other.0);
    result.finished_at = Some(at);
    Ok(())
}

/// How a result is killed that a newer one replaces.
pub fn replaced(by: ResultId, at: Instant) -> Kill {
    let message = format!("Replaced by the job result {}.", by.0);
    Kill { at, line_message: message.clone(), message, lines: Vec::new(), notices: Vec::new() }
}

/// A kill, decided.
#[derive(Debug, Clone)]
pub struct Kill {
    /// When.
    pub at: Instant,
    /// The message of the job result from now on.
    pub message: String,
    /// The message of the line that was cut, if one was running.
    pub line_message: String,
    /// Lines that began or ended and were not written yet. One that is written as ended stays so.
    pub lines: Vec<LineResult>,
    /// Results to be started with it: what the job's rules of `notify` ask for.
    pub notices: Vec<NewResult>,
}

impl Kill {
    /// The result as it is after the kill. Stores write what this leaves.
    ///
    /// # Errors
    /// The result stays as it was if it had ended.
    pub fn end(&self, result: &mut JobResult) -> Result<(), Refusal> {
        result.status = next(result.status, Event::Kill)?;
        self.message.clone_into(&mut result.message);
        result.finished_at = Some(self.at);
        Ok(())
    }
}

/// Why a result was not killed.
#[derive(Debug, thiserror::Error)]
pub enum KillError {
    /// There is no such result in the organization.
    #[error("there is no such job result")]
    Absent,
    /// It had already ended.
    #[error("the job result had already ended as {0}")]
    Ended(Status),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a result that has not ended is not at work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waiting {
    /// It could begin: all workers are busy, or one is about to take it.
    Worker,
    /// Its queue has as many at work as it may.
    QueueFull {
        /// Key of the queue.
        queue: String,
        /// How many may be at work.
        limit: u32,
    },
    /// An earlier result of the same job has not ended: the oldest that waits for no other.
    Behind(ResultId),
    /// A line is tried again at this time.
    Until(Instant),
}

/// How long the history is kept. What is younger than `age` or among the newest `results` of its
/// job stays, and so do the last success and the last failure of each job, and what a result that
/// stays goes on from (see [`JobResult::root`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How long at least.
    pub age: Duration,
    /// How many of each job at least.
    pub results: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { age: Duration::from_secs(30 * 24 * 3600), results: 1000 }
    }
}

/// What a step of pruning came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// How many results were removed, with all that belongs to them.
    pub removed: u64,
    /// Whether there is more to look at.
    pub more: bool,
}

/// How many of the newest results with each status are asked for the last success: one of them
/// is not a late retry of an older result.
pub const LATEST: usize = 20;

/// Whether a result that went well says from when the next one has to look: not a retry that
/// meant another now than the lines that it took over.
pub fn moves_since(is_retry: bool, means_the_present: bool) -> bool {
    !is_retry || !means_the_present
}

/// Which job results a listing is about.
#[derive(Debug, Clone, Default)]
pub struct ResultFilter {
    /// Only those of this job.
    pub job: Option<String>,
    /// Only those with this status.
    pub status: Option<Status>,
}

/// Keeps job results and their lines.
#[async_trait]
pub trait Results: Send + Sync {
    /// Adds a result, whose id is new: pending, or as the overlap rule of its job says. Durable when it
    /// answers. If a start of the organization had the same name and asked for the same, nothing is added,
    /// and its result is the answer.
    async fn start(&self, scope: OrgScope, start: NewResult) -> Result<Started, StartRefused>;

    /// The result of the start with this idempotency key, and the digest of what it asked for.
    async fn started_as(&self, scope: OrgScope, key: &str) -> Result<Option<(JobResult, String)>, StoreError>;

    /// The results of the starts whose idempotency keys begin with `prefix`, with these keys and in
    /// their order, at most `limit`.
    async fn started_under(
        &self,
        scope: OrgScope,
        prefix: &str,
        limit: u32,
    ) -> Result<Vec<(String, JobResult)>, StoreError>;

    /// One result.
    async fn find(&self, scope: OrgScope, id: ResultId) -> Result<Option<JobResult>, StoreError>;

    /// Results, newest first.
    async fn list(
        &self,
        scope: OrgScope,
        filter: &ResultFilter,
        page: Page<ResultId>,
    ) -> Result<Listed<JobResult>, StoreError>;

    /// How many results a listing has in all.
    async fn count(&self, scope: OrgScope, filter: &ResultFilter) -> Result<u64, StoreError>;

    /// How many results of the organization have not ended.
    async fn count_open(&self, scope: OrgScope) -> Result<u64, StoreError>;

    /// The lines of these results, by result and `lineNo`.
    async fn lines(&self, scope: OrgScope, ids: &[ResultId]) -> Result<Vec<(ResultId, LineResult)>, StoreError> {
        Ok(self.lines_within(scope, ids, None, usize::MAX).await?.items)
    }

    /// The first of these lines that together hold at most `most` bytes, see [`LineResult::bytes`]; at least one.
    /// With `after`, only lines with a higher `lineNo`.
    async fn lines_within(
        &self,
        scope: OrgScope,
        ids: &[ResultId],
        after: Option<u32>,
        most: usize,
    ) -> Result<Listed<(ResultId, LineResult)>, StoreError>;

    /// When the latest result of the job that ended `success` or `info` was
    /// started: the instant that its templates meant by now. Dry runs, results that
    /// were skipped, and retries that meant another now than what they go on with do not count.
    /// A retry of an older result never moves it back.
    async fn last_success(&self, scope: OrgScope, job: &str) -> Result<Option<Instant>, StoreError>;

    /// How the newest result of the job before this one ended; none if there is none. Dry runs do not count.
    async fn ended_before(&self, scope: OrgScope, job: &str, before: ResultId) -> Result<Option<Status>, StoreError>;

    /// Why these results wait; those that do not wait are left out.
    async fn waiting(&self, scope: OrgScope, ids: &[ResultId]) -> Result<Vec<(ResultId, Waiting)>, StoreError>;

    /// Parts of a set that is kept of a line, in order: those from `from`, at most `limit`.
    async fn parts(
        &self,
        scope: OrgScope,
        id: ResultId,
        set: (u32, PartKind),
        from: u32,
        limit: u32,
    ) -> Result<Vec<Part>, StoreError>;

    /// The results that try this one again, oldest first, at most 100.
    async fn retries(&self, scope: OrgScope, id: ResultId) -> Result<Vec<ResultId>, StoreError>;

    /// The results that lines of this one started, oldest first, at most 100.
    async fn started_from(&self, scope: OrgScope, id: ResultId) -> Result<Vec<ResultId>, StoreError>;

    /// Removes some of what is older than is kept: a bounded step, which leaves everybody else room.
    async fn prune(&self, keep: Retention, now: Instant) -> Result<Pruned, StoreError>;

    /// Adds to a line that a kill has cut what it had told until then. Nothing else of it
    /// changes, and a line that was not killed is left alone.
    async fn tell(&self, scope: OrgScope, id: ResultId, line_no: u32, told: &Told) -> Result<(), StoreError>;

    /// Ends a pending or running result as killed, and its running line with it.
    /// Nobody holds a lease on it from then on.
    async fn kill(&self, scope: OrgScope, id: ResultId, kill: Kill) -> Result<JobResult, KillError>;
}
