//! The store as a worker sees it: claim a result, record its lines, finish it.
//!
//! A claim hands out a lease with a number that only grows. Every later write
//! carries it, and a write whose lease is no longer the newest changes nothing.

use async_trait::async_trait;

use super::StoreError;
use crate::model::Instant;
use crate::model::action::ModuleDigest;
use crate::model::organization::OrganizationId;
use crate::model::record::Records;
use crate::model::result::{Counters, JobResult, LineResult, ResultId};
use crate::model::status::{Event, Refusal, Status, next};

/// How often a result is taken up at most. One that took its node down as often
/// as this is ended by [`Queue::recover`], since it would do so for ever.
pub const CLAIMS_AT_MOST: u32 = 3;

/// How many results one claim takes at most, whatever it asks for.
pub const CLAIM_BATCH: u32 = 500;

/// The right to write on one result until somebody else claims or kills it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Whose result.
    pub organization: OrganizationId,
    /// Which result.
    pub result: ResultId,
    /// Grows with each claim of the result.
    pub number: u32,
}

/// A result taken up by this worker.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The right to write on it.
    pub lease: Lease,
    /// As it stands now: running, without lines of an earlier attempt.
    pub result: JobResult,
    /// The records that the start brought.
    pub records: Records,
}

/// How a result ends.
#[derive(Debug, Clone)]
pub struct Finish {
    /// Its final status.
    pub status: Status,
    /// One sentence for a clerk.
    pub message: String,
    /// When.
    pub at: Instant,
    /// Counters over all lines.
    pub counters: Counters,
}

impl Finish {
    /// How a result ends that took its node down [`CLAIMS_AT_MOST`] times.
    pub fn of_a_killer(result: &JobResult, at: Instant) -> Self {
        let message = format!("The node went down {} times while this ran, so it is not tried again.", result.attempt);
        Self { status: Status::Error, message, at, counters: result.counters }
    }

    /// The result as it is after this end. Stores write what this leaves.
    ///
    /// # Errors
    /// The result stays as it was if its status does not allow this end.
    pub fn end(self, result: &mut JobResult) -> Result<(), Refusal> {
        result.status = next(result.status, Event::End(self.status))?;
        result.message = self.message;
        result.finished_at = Some(self.at);
        result.counters = self.counters;
        Ok(())
    }
}

/// The result as it is after a worker took it up. Stores write what this leaves.
///
/// # Errors
/// The result stays as it was if it has ended.
pub fn begin(result: &mut JobResult, now: Instant) -> Result<(), Refusal> {
    result.status = next(result.status, Event::Begin)?;
    result.started_at.get_or_insert(now);
    result.attempt += 1;
    Ok(())
}

/// A line that was open when its result was killed or given up: it ends with it.
///
/// # Errors
/// The line stays as it was if it had ended.
pub fn cut(line: &mut LineResult, event: Event, message: &str, at: Instant) -> Result<(), Refusal> {
    line.status = next(line.status, event)?;
    message.clone_into(&mut line.message);
    line.finished_at = Some(at);
    Ok(())
}

/// Why a worker's write was refused.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// The result was killed, or claimed by somebody else: stop working on it.
    #[error("the lease on the job result is lost")]
    Lost,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is ready to be worked on.
///
/// Only `finish` and `recover` are durable when they answer. A claim, a pin or a
/// line may be lost with the power, not with the process: the result is then
/// taken up again, which is free for lines that are pure, and saves a sync each.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Takes up to `limit` results that wait (never more than [`CLAIM_BATCH`]), oldest
    /// first, and marks them running. The lines of an earlier attempt are dropped.
    async fn claim(&self, limit: u32, now: Instant) -> Result<Vec<Claimed>, StoreError>;

    /// Names the modules that the claimed result runs with.
    async fn pin(&self, lease: Lease, modules: &[ModuleDigest]) -> Result<(), LeaseError>;

    /// Writes one line: when it begins, and again when it ends. What was written
    /// of the line before is replaced.
    async fn record(&self, lease: Lease, line: &LineResult) -> Result<(), LeaseError>;

    /// Ends the result, with any status but `killed`: only a kill kills.
    async fn finish(&self, lease: Lease, finish: Finish) -> Result<JobResult, LeaseError>;

    /// Hands a result back as if it had not been claimed: after an orderly stop, or when
    /// the store was away. The next claim takes it.
    async fn release(&self, lease: Lease) -> Result<(), LeaseError>;

    /// Puts back what a worker that is gone had taken up, and says how much it was.
    /// Called once, before the first claim of the only node on a store. What was
    /// taken up [`CLAIMS_AT_MOST`] times is not put back but ended, as
    /// [`Finish::of_a_killer`] says, and so is its open line.
    async fn recover(&self, now: Instant) -> Result<u64, StoreError>;
}
