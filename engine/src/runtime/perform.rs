//! Performing one claimed job result, line by line.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use super::attempt::Attempt;
use super::awaited::Awaited;
use super::engine::Engine;
use super::jobs;
use super::notices::{self, About};
use super::rejections::Rejections;
use super::running::Live;
use super::set::Set;
use crate::model::fault::Fault;
use crate::model::job::Job;
use crate::model::notify::job_of;
use crate::model::organization::{OrgScope, Organization};
use crate::model::record::Rejected;
use crate::model::result::{JobResult, LineResult, ResultId};
use crate::model::status::Status;
use crate::ports::StoreError;
use crate::ports::actions::{Failure, FailureKind};
use crate::ports::notices::Change;
use crate::ports::queue::{Claimed, Finish, Lease, LeaseError, Notes};
use crate::ports::results::NewResult;
use crate::ports::scratch::ScratchFault;

/// How a worker's work on a result ended.
#[derive(Debug)]
pub enum Ending {
    /// The result has ended.
    Ended(Box<Performed>),
    /// It waits for another try of a line.
    Postponed,
    /// It was killed, belongs to another worker by now, or was interrupted since the node stops.
    Lost,
    /// A fault of the engine itself broke it off, and the result was ended.
    Broken,
}

/// What came of a job result, with more than the store keeps of it.
#[derive(Debug)]
pub struct Performed {
    /// The result, ended.
    pub result: JobResult,
    /// Its lines.
    pub lines: Vec<LineResult>,
    /// The set after the last line.
    pub records: Set,
    /// The first rejected records of all lines, each with the number of its line. The counter of
    /// the result says how many there were.
    pub rejected: Vec<(u32, Rejected)>,
}

/// Why the work on a result does not go on.
#[derive(Debug)]
pub(crate) enum Halt {
    Lost,
    Postponed,
    Store(StoreError),
}

impl From<LeaseError> for Halt {
    fn from(error: LeaseError) -> Self {
        match error {
            LeaseError::Lost => Self::Lost,
            LeaseError::Store(error) => Self::Store(error),
        }
    }
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<ScratchFault> for Halt {
    fn from(fault: ScratchFault) -> Self {
        Self::Store(StoreError::Unreadable(fault.to_string()))
    }
}

/// What a line did with its set.
#[derive(Debug)]
pub(crate) struct Done {
    pub status: Status,
    pub message: String,
    pub records_in: u64,
    pub records: Set,
    pub rejected: Rejections,
}

/// A line that did not get to its end.
#[derive(Debug)]
pub(crate) struct Unfinished {
    pub why: Broken,
    /// What it had rejected by then.
    pub rejected: Rejections,
    /// The positions of these records in the set that the line took.
    pub rejected_at: Vec<usize>,
}

impl<E: Into<Broken>> From<E> for Unfinished {
    fn from(why: E) -> Self {
        Self { why: why.into(), rejected: Rejections::default(), rejected_at: Vec::new() }
    }
}

/// Why a line did not do its work.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The line is in error.
    Error(String),
    /// The line is in error, unless another try mends it.
    Passing(String, Passing),
    /// The line goes on when the jobs that it started have ended.
    Waiting(Awaited),
    /// The job result was killed.
    Killed,
    /// What the line did could not be written.
    Halted(LeaseError),
}

/// Why another try may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passing {
    /// The action says so, and how long to wait at least.
    Temporary(Option<Duration>),
    /// It took too long.
    Timeout,
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        match failure.kind {
            FailureKind::Killed => Self::Killed,
            FailureKind::Timeout => Self::Passing(failure.message, Passing::Timeout),
            FailureKind::Temporary { retry_after } => {
                let at_least = retry_after.map(|seconds| Duration::from_secs(seconds.into()));
                Self::Passing(failure.message, Passing::Temporary(at_least))
            }
            FailureKind::Final | FailureKind::Trap | FailureKind::Limit => Self::Error(failure.message),
        }
    }
}

impl From<LeaseError> for Broken {
    fn from(error: LeaseError) -> Self {
        Self::Halted(error)
    }
}

impl Broken {
    /// The line is in error for all of these.
    pub(crate) fn of_faults(faults: Vec<Fault>) -> Self {
        Self::Error(jobs::told(&faults))
    }
}

impl From<ScratchFault> for Broken {
    fn from(fault: ScratchFault) -> Self {
        Self::Error(fault.to_string())
    }
}

impl From<Fault> for Broken {
    fn from(fault: Fault) -> Self {
        Self::Error(fault.to_string())
    }
}

impl Engine {
    /// Performs a claimed result, to its end if nothing comes in between.
    ///
    /// # Errors
    /// The store failed; the result is to be handed back.
    pub async fn perform(&self, claimed: Claimed) -> Result<Ending, StoreError> {
        let lease = claimed.lease;
        let at_work = self.running.begin(lease.organization, lease.result);
        match AssertUnwindSafe(self.perform_until(claimed, &at_work.live)).catch_unwind().await {
            Ok(Ok(performed)) => Ok(Ending::Ended(Box::new(performed))),
            Ok(Err(Halt::Postponed)) => Ok(Ending::Postponed),
            Ok(Err(Halt::Lost)) => Ok(Ending::Lost),
            Ok(Err(Halt::Store(error))) => Err(error),
            Err(_) => {
                tracing::error!(result = %lease.result.0, "a fault of the engine broke a job off");
                match self.end_after_panic(lease, at_work.live.unwritten()).await {
                    Ok(()) | Err(LeaseError::Lost) => Ok(Ending::Broken),
                    Err(LeaseError::Store(error)) => Err(error),
                }
            }
        }
    }

    /// Performs a result as a node that is lost in the middle of it: what breaks it off leaves
    /// nothing behind. For tests of crashes.
    #[cfg(test)]
    pub(crate) async fn perform_and_lose(&self, claimed: Claimed) {
        let at_work = self.running.begin(claimed.lease.organization, claimed.lease.result);
        let _ = self.perform_until(claimed, &at_work.live).await;
    }

    async fn perform_until(&self, claimed: Claimed, live: &Arc<Live>) -> Result<Performed, Halt> {
        let lease = claimed.lease;
        let scope = OrgScope::of(lease.organization);
        self.tell(lease.organization, lease.result, Change::Status);
        let (organization, job) = match self.load(scope, &claimed.result).await? {
            Ok(loaded) => loaded,
            Err(message) => return self.refuse(claimed, message).await,
        };
        let mut attempt = Attempt::begin(self, claimed, &job, &organization, live).await?;
        for line in notices::lines(&job, &attempt.result) {
            attempt.line(line).await?;
        }
        attempt.finish().await
    }

    /// Ends a result whose work a fault of the engine itself broke off.
    async fn end_after_panic(&self, lease: Lease, unwritten: Vec<LineResult>) -> Result<(), LeaseError> {
        self.end_with(lease, unwritten, "The engine met a fault of its own; the node's log says which.").await
    }

    /// The same where nothing more is known of its lines than what was written.
    pub(crate) async fn end_after_fault(&self, lease: Lease) -> Result<(), LeaseError> {
        self.end_after_panic(lease, Vec::new()).await
    }

    /// Ends a result that the store cannot go on with.
    pub(crate) async fn end_broken(&self, lease: Lease) -> Result<(), LeaseError> {
        self.end_with(
            lease,
            Vec::new(),
            "What the store holds of it cannot be read or written; the node's log says more.",
        )
        .await
    }

    /// Ends a result in error, with the lines that are open.
    async fn end_with(&self, lease: Lease, mut lines: Vec<LineResult>, message: &str) -> Result<(), LeaseError> {
        let scope = OrgScope::of(lease.organization);
        let written = self.results.lines(scope, &[lease.result]).await?;
        lines.extend(written.into_iter().map(|(_, line)| line));
        lines.sort_by_key(|line| line.line_no);
        lines.dedup_by_key(|line| line.line_no);
        for line in lines.iter_mut().filter(|line| line.status == Status::Running) {
            (line.status, line.message) = (Status::Error, message.to_owned());
            line.finished_at = Some(self.clock.now());
        }
        let mut finish = Finish::bare(Status::Error, message, self.clock.now());
        finish.notices = self.notices_of_broken(scope, lease.result, &finish, &lines).await;
        finish.notes = Notes { modules: None, lines };
        let finished = self.queue.finish(lease, finish).await?;
        self.wake_after_end(lease.organization, &finished);
        self.tell(lease.organization, lease.result, Change::Status);
        self.wake.notify_one();
        Ok(())
    }

    /// What the job's rules have to tell of such an end, as far as they can be read.
    async fn notices_of_broken(
        &self,
        scope: OrgScope,
        id: ResultId,
        finish: &Finish,
        lines: &[LineResult],
    ) -> Vec<NewResult> {
        let told = async {
            let Some(mut result) = self.results.find(scope, id).await? else { return Ok(Vec::new()) };
            let Ok((organization, job)) = self.load(scope, &result).await? else { return Ok(Vec::new()) };
            if finish.end(&mut result).is_err() {
                return Ok(Vec::new());
            }
            self.notices_of(About { organization: &organization, job: &job }, &result, lines).await
        };
        told.await.unwrap_or_else(|error: StoreError| {
            tracing::error!(%error, result = %id.0, "nobody could be told of a job result in error");
            Vec::new()
        })
    }

    /// The job that a result performs, and whose it is; or why it cannot be performed.
    pub(crate) async fn load(
        &self,
        scope: OrgScope,
        result: &JobResult,
    ) -> Result<Result<(Organization, Arc<Job>), String>, StoreError> {
        let Some(organization) = self.organizations.by_id(scope.organization()).await? else {
            return Ok(Err("The organization is gone.".to_owned()));
        };
        let job = self.job_of(scope, job_of(&result.job), result).await?;
        Ok(job.map(|job| (organization, job)))
    }

    async fn refuse(&self, claimed: Claimed, message: String) -> Result<Performed, Halt> {
        let finish = Finish::bare(Status::Error, message, self.clock.now());
        let finished = self.queue.finish(claimed.lease, finish).await?;
        self.wake_after_end(claimed.lease.organization, &finished);
        let result = finished.result;
        self.tell(claimed.lease.organization, result.id, Change::Status);
        Ok(Performed { result, lines: Vec::new(), records: Set::held(claimed.records), rejected: Vec::new() })
    }
}
