//! Performing one claimed job result, line by line.

use tokio_util::sync::CancellationToken;

use super::attempt::Attempt;
use super::engine::Engine;
use super::rejections::Rejections;
use super::set::Set;
use crate::model::fault::Fault;
use crate::model::job::Job;
use crate::model::organization::{OrgScope, Organization};
use crate::model::record::Rejected;
use crate::model::result::{Counters, JobResult, LineResult};
use crate::model::status::Status;
use crate::ports::StoreError;
use crate::ports::actions::{Failure, FailureKind};
use crate::ports::notices::Change;
use crate::ports::queue::{Claimed, Finish, Lease, LeaseError};
use crate::ports::scratch::ScratchFault;

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

/// What a line did with its set.
#[derive(Debug)]
pub(crate) struct Done {
    pub status: Status,
    pub message: String,
    pub records_in: u64,
    pub records: Set,
    pub rejected: Rejections,
}

/// Why a line did not do its work.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The line is in error.
    Error(String),
    /// The job result was killed.
    Killed,
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        match failure.kind {
            FailureKind::Killed => Self::Killed,
            _ => Self::Error(failure.message),
        }
    }
}

impl Broken {
    /// The line is in error for all of these.
    pub(crate) fn of_faults(faults: Vec<Fault>) -> Self {
        let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
        Self::Error(told.join("; "))
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
    /// Performs a claimed result to its end. None if the lease was lost on the way:
    /// then the result was killed, or belongs to another worker by now.
    ///
    /// # Errors
    /// The store failed; the result stays claimed and is put back by recovery.
    pub async fn perform(&self, claimed: Claimed) -> Result<Option<Performed>, StoreError> {
        let id = claimed.result.id;
        let at_work = self.running.begin(id);
        match self.perform_until(claimed, at_work.kill.clone()).await {
            Ok(performed) => Ok(Some(performed)),
            Err(LeaseError::Lost) => Ok(None),
            Err(LeaseError::Store(error)) => Err(error),
        }
    }

    async fn perform_until(&self, claimed: Claimed, kill: CancellationToken) -> Result<Performed, LeaseError> {
        let lease = claimed.lease;
        let scope = OrgScope::of(lease.organization);
        self.tell(lease.organization, lease.result, Change::Status);
        let (organization, job) = match self.load(scope, &claimed.result).await? {
            Ok(loaded) => loaded,
            Err(message) => return self.refuse(claimed, message).await,
        };
        self.queue.pin(lease, &job.modules()).await?;
        let mut attempt = Attempt::new(self, lease, claimed, &job, &organization, kill);
        for line in &job.lines {
            attempt.line(line).await?;
        }
        attempt.finish().await
    }

    /// Ends a result whose work a fault of the engine itself broke off.
    pub(crate) async fn end_after_panic(&self, lease: Lease) -> Result<(), LeaseError> {
        let message = "The engine met a fault of its own; the node's log says which.".to_owned();
        let lines = self.results.lines(OrgScope::of(lease.organization), &[lease.result]).await?;
        for (_, mut line) in lines.into_iter().filter(|(_, line)| line.status == Status::Running) {
            (line.status, line.message) = (Status::Error, message.clone());
            line.finished_at = Some(self.clock.now());
            self.queue.record(lease, &line).await?;
        }
        let finish = Finish { status: Status::Error, message, at: self.clock.now(), counters: Counters::default() };
        self.queue.finish(lease, finish).await?;
        self.tell(lease.organization, lease.result, Change::Status);
        Ok(())
    }

    async fn load(
        &self,
        scope: OrgScope,
        result: &JobResult,
    ) -> Result<Result<(Organization, Job), String>, StoreError> {
        let organization = self.organizations.by_id(scope.organization()).await?;
        let saved = self.jobs.find(scope, &result.job, Some(result.version)).await?;
        let (Some(organization), Some(saved)) = (organization, saved) else {
            return Ok(Err(format!("Version {} of job {} is gone.", result.version, result.job)));
        };
        let job = self.read_job(scope, &saved).await?.map_err(|faults| {
            let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
            format!("The job can no longer be run: {}.", told.join("; "))
        });
        Ok(job.map(|job| (organization, job)))
    }

    async fn refuse(&self, claimed: Claimed, message: String) -> Result<Performed, LeaseError> {
        let finish = Finish { status: Status::Error, message, at: self.clock.now(), counters: Counters::default() };
        let result = self.queue.finish(claimed.lease, finish).await?;
        self.tell(claimed.lease.organization, result.id, Change::Status);
        Ok(Performed { result, lines: Vec::new(), records: Set::held(claimed.records), rejected: Vec::new() })
    }
}
