//! Where the history is kept: job results and line results, for those who
//! start, watch and kill. Workers use the `queue` port.

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::actions::Told;
use super::{Listed, Page, StoreError};
use crate::model::Instant;
use crate::model::organization::OrgScope;
use crate::model::record::Records;
use crate::model::result::{Counters, JobResult, LineResult, ResultId};
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
    /// What the start called it.
    pub title: Option<String>,
    /// Who or what started it.
    pub started_by: String,
    /// Whether effects are only noted, not carried out.
    pub dry_run: bool,
    /// Names this start for ever: a second one with the same key starts nothing.
    pub idempotency_key: Option<String>,
    /// Arguments, defaults filled in.
    pub arguments: Map<String, Value>,
    /// The start of the last full success, or what the start gave.
    pub since: Option<Instant>,
    /// The records that the start brought.
    pub records: Records,
    /// When it was accepted.
    pub created_at: Instant,
}

impl NewResult {
    /// The result as it is once the start is accepted, and the records it brought.
    pub fn accept(self) -> (JobResult, Records) {
        let result = JobResult {
            id: self.id,
            job: self.job,
            version: self.version,
            title: self.title,
            status: Status::Pending,
            message: String::new(),
            started_by: self.started_by,
            dry_run: self.dry_run,
            arguments: self.arguments,
            since: self.since,
            created_at: self.created_at,
            started_at: None,
            finished_at: None,
            attempt: 0,
            counters: Counters::default(),
            modules: Vec::new(),
        };
        (result, self.records)
    }
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
    /// Adds a pending result, whose id is new. Durable when it answers. If a start of the
    /// organization had the same idempotency key, nothing is added, and its result is the answer.
    async fn start(&self, scope: OrgScope, start: NewResult) -> Result<JobResult, StoreError>;

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
    async fn lines(&self, scope: OrgScope, ids: &[ResultId]) -> Result<Vec<(ResultId, LineResult)>, StoreError>;

    /// When the newest result of the job that ended `success` or `info` was
    /// started: the instant its start was accepted, which its templates meant by now.
    /// Dry runs do not count.
    async fn last_success(&self, scope: OrgScope, job: &str) -> Result<Option<Instant>, StoreError>;

    /// Adds to a line that a kill has cut what it had told until then. Nothing else of it
    /// changes, and a line that was not killed is left alone.
    async fn tell(&self, scope: OrgScope, id: ResultId, line_no: u32, told: &Told) -> Result<(), StoreError>;

    /// Ends a pending or running result as killed, and its running line with it.
    /// Nobody holds a lease on it from then on.
    async fn kill(&self, scope: OrgScope, id: ResultId, kill: Kill) -> Result<JobResult, KillError>;
}
