//! The store of job results and line results, for starting, reading and killing them. Workers use the `queue` port.

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::actions::LineOutput;
use super::parts::{Part, PartKind};
use super::queues::DEFAULT_QUEUE;
use super::{Listed, Page, StoreError};
use crate::model::Instant;
use crate::model::lifecycle::retention::Retention;
use crate::model::lifecycle::waiting::Waiting;
use crate::model::organization::OrgScope;
use crate::model::overlap::Overlap;
use crate::model::record::Records;
use crate::model::result::{Counters, JobResult, LineResult, ResultId, Scheduled};
use crate::model::status::{Event, Refusal, Status, next};
use crate::model::template_version::TemplateVersion;

/// Which lines are read, and what of them.
#[derive(Debug, Clone, Copy)]
pub struct LinesOf<'a> {
    /// The results whose lines are read.
    pub results: &'a [ResultId],
    /// Only lines with a higher number.
    pub after: Option<u32>,
    /// Whether parameters, samples, rejected records, logs and effects are read too; otherwise they are empty.
    pub details: bool,
}

impl<'a> LinesOf<'a> {
    /// All lines of these results, as a whole.
    pub fn all(results: &'a [ResultId]) -> Self {
        Self { results, after: None, details: true }
    }
}

/// A new job result: a start that was accepted.
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
    /// Its title.
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
    /// Identifies this start: a second one with the same key starts nothing.
    pub idempotency: Option<Idempotency>,
    /// The result that it retries, and from where.
    pub retry: Option<RetryStart>,
    /// The result that it reports.
    pub notification_of: Option<ResultId>,
    /// The schedule that starts it, and for which instant. No instant of a schedule is started twice.
    pub scheduled: Option<Scheduled>,
    /// The result whose line starts it.
    pub started_from: Option<ResultId>,
    /// How many results started one another before this one.
    pub depth: u32,
    /// How it ends at once, whatever its overlap rule; none if it is to be performed.
    pub ended_at_start: Option<EndedAtStart>,
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

/// The end of a result that never begins, but reports something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedAtStart {
    /// A final status.
    pub status: Status,
    /// One sentence for a clerk.
    pub message: String,
}

/// The idempotency key of a start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// Unique in the organization.
    pub key: String,
    /// A digest of the content of the start: the same key with another digest is refused.
    pub digest: String,
}

/// Where a retry begins.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryStart {
    /// The result that is retried. It has ended.
    pub of: ResultId,
    /// The next line. The lines before it are taken over as they ended.
    pub line_no: u32,
    /// Its identity for the effects of lines; see [`JobResult::root`].
    pub root: ResultId,
    /// The sets that it begins with. With none, it takes over the input of the line, the records that join the set later,
    /// and, unless it repeats everything, the recorded batches of the line.
    pub parts: Option<Vec<Part>>,
}

impl RetryStart {
    /// Whether the result repeats everything: the recorded batches belong to another identity then, and are not taken
    /// over.
    pub fn restarts_effects(&self, by: ResultId) -> bool {
        self.root == by
    }
}

impl NewResult {
    /// A start of a job's version, with defaults for all that it does not say: it waits for nothing, and its templates
    /// mean the instant at which it was accepted.
    pub fn new(id: ResultId, (job, version): (&str, u32), started_by: &str, created_at: Instant) -> Self {
        Self {
            id,
            job: job.to_owned(),
            version,
            templates: Vec::new(),
            title: None,
            started_by: started_by.to_owned(),
            dry_run: false,
            queue: DEFAULT_QUEUE.to_owned(),
            priority: 0,
            overlap: Overlap::Allow,
            idempotency: None,
            retry: None,
            notification_of: None,
            scheduled: None,
            started_from: None,
            depth: 0,
            ended_at_start: None,
            arguments: Map::new(),
            since: None,
            records: Records::new(),
            now: created_at,
            created_at,
        }
    }

    /// The result as it is once the start is accepted, and the records it brought.
    pub fn accept(self) -> (JobResult, Records) {
        let ended = self.ended_at_start.as_ref().map(|_| self.created_at);
        let (status, message) = self
            .ended_at_start
            .map_or((Status::Pending, String::new()), |ended_at_start| (ended_at_start.status, ended_at_start.message));
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
            notification_of: self.notification_of,
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

/// The answer to a start.
#[derive(Debug, Clone, PartialEq)]
pub struct Started {
    /// The result: a new one, that of the first start with the same key, or one that ended at once because the job
    /// overlaps.
    pub result: JobResult,
    /// The results that were killed to make room for it.
    pub replaced: Vec<ResultId>,
}

/// Why nothing was started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A start with the same key had another content.
    #[error("the idempotency key was already used by another start, which made the job result {}", .0.0)]
    Conflict(ResultId),
    /// The result to retry, or what the retry needs of it, no longer exists.
    #[error("the job result is no longer kept, so it cannot be retried")]
    Gone,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The kill of a result that a newer one replaces.
pub fn replaced(by: ResultId, at: Instant) -> Kill {
    let message = format!("Replaced by the job result {}.", by.0);
    Kill { at, line_message: message.clone(), message, lines: Vec::new(), notifications: Vec::new() }
}

/// A kill.
#[derive(Debug, Clone)]
pub struct Kill {
    /// When.
    pub at: Instant,
    /// The message of the job result.
    pub message: String,
    /// The message of the interrupted line, if one was running.
    pub line_message: String,
    /// Lines that began or ended and are not written yet. A line that is written as ended does not change.
    pub lines: Vec<LineResult>,
    /// The notifications that are started with it.
    pub notifications: Vec<NewResult>,
}

impl Kill {
    /// Ends the result as killed. Stores write what this sets.
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

/// The answer to a step of pruning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// How many results were removed, with everything that belongs to them.
    pub removed: u64,
    /// Whether there is more to check.
    pub more: bool,
}

/// Which job results a listing contains.
#[derive(Debug, Clone, Default)]
pub struct ResultFilter {
    /// Only those of this job.
    pub job: Option<String>,
    /// Only those with this status.
    pub status: Option<Status>,
}

/// How other results are related to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultRelation {
    /// They retry it.
    Retries,
    /// Its lines started them.
    Started,
}

/// Starts job results, and answers what a start needs to know about earlier ones.
#[async_trait]
pub trait Starts: Send + Sync {
    /// Adds a result with a new id: pending, or ended as the overlap rule of its job requires. Durable when it returns.
    /// If an earlier start of the organization had the same key and content, nothing is added and its result is
    /// returned.
    async fn start(&self, scope: OrgScope, start: NewResult) -> Result<Started, StartError>;

    /// The result of the start with this idempotency key, and the digest of the content of the start.
    async fn started_as(&self, scope: OrgScope, key: &str) -> Result<Option<(JobResult, String)>, StoreError>;

    /// The results of the starts whose idempotency keys begin with `prefix`, with these keys and in
    /// their order, at most `limit`.
    async fn started_under(
        &self,
        scope: OrgScope,
        prefix: &str,
        limit: u32,
    ) -> Result<Vec<(String, JobResult)>, StoreError>;

    /// When the latest result of the job that ended `success` or `info` was started: the clock reading of its
    /// templates. Dry runs, skipped results, and retries with another clock reading than the lines that they took over
    /// do not count. A retry of an older result never moves it back.
    async fn last_success(&self, scope: OrgScope, job: &str) -> Result<Option<Instant>, StoreError>;

    /// How the newest result of the job before this one ended; none if there is none. Dry runs do not count.
    async fn ended_before(&self, scope: OrgScope, job: &str, before: ResultId) -> Result<Option<Status>, StoreError>;

    /// How many results of the organization have not ended.
    async fn count_open(&self, scope: OrgScope) -> Result<u64, StoreError>;
}

/// Reads job results and their lines.
#[async_trait]
pub trait History: Send + Sync {
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

    /// The lines of these results, by result and `lineNo`.
    async fn lines(&self, scope: OrgScope, ids: &[ResultId]) -> Result<Vec<(ResultId, LineResult)>, StoreError> {
        Ok(self.lines_within(scope, LinesOf::all(ids), usize::MAX).await?.items)
    }

    /// The first of these lines that together hold at most `most` bytes, see [`LineResult::bytes`]; at least one.
    async fn lines_within(
        &self,
        scope: OrgScope,
        lines: LinesOf<'_>,
        most: usize,
    ) -> Result<Listed<(ResultId, LineResult)>, StoreError>;

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

    /// The results that have this relation to one, oldest first, at most 100.
    async fn related(
        &self,
        scope: OrgScope,
        id: ResultId,
        relation: ResultRelation,
    ) -> Result<Vec<ResultId>, StoreError>;
}

/// Ends job results from outside their worker, and removes old ones.
#[async_trait]
pub trait Endings: Send + Sync {
    /// Ends a pending or running result as killed, and its running line with it.
    /// All leases on it are lost.
    async fn kill(&self, scope: OrgScope, id: ResultId, kill: Kill) -> Result<JobResult, KillError>;

    /// Adds to a killed line the output that it had until then. Nothing else of it changes, and a line that was not
    /// killed does not change at all.
    async fn append_output(
        &self,
        scope: OrgScope,
        id: ResultId,
        line_no: u32,
        output: &LineOutput,
    ) -> Result<(), StoreError>;

    /// Removes some of the old results: a bounded step, so that other writes do not wait long.
    async fn prune(&self, keep: Retention, now: Instant) -> Result<Pruned, StoreError>;
}
