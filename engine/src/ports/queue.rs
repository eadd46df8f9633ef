//! The queue of results that wait for a worker, and what workers write.
//!
//! A claim grants a lease with an increasing number. Every later write carries the lease, and a write whose lease is
//! not the newest changes nothing.

use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::StoreError;
use super::parts::{BatchDone, Part};
use super::results::NewResult;
use crate::model::Instant;
use crate::model::action::ModuleDigest;
use crate::model::fairness::Capacity;
use crate::model::lifecycle::isolation::Crashes;
use crate::model::organization::OrganizationId;
use crate::model::record::Records;
use crate::model::result::{Counters, JobResult, LineResult, ResultId};
use crate::model::status::{Event, Refusal, Status, next};

/// How many results one claim takes at most, whatever it asks for.
pub const CLAIM_BATCH: u32 = 500;

/// The identity of a process that runs results: a new one each time it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub Uuid);

/// The right to write one result until another worker claims it or it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    /// Whose result.
    pub organization: OrganizationId,
    /// Which result.
    pub result: ResultId,
    /// Grows with each claim of the result.
    pub number: u32,
}

/// A request for work.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    /// The node that asks.
    pub node: NodeId,
    /// How many workers are free.
    pub capacity: Capacity,
    /// The current time.
    pub now: Instant,
}

impl Claim {
    /// How many results are claimed at most.
    pub fn bounded_capacity(&self) -> Capacity {
        let slots = self.capacity.slots.min(CLAIM_BATCH);
        Capacity { slots, spare: self.capacity.spare.min(CLAIM_BATCH - slots) }
    }
}

/// The answer to a claim.
#[derive(Debug, Clone, Default)]
pub struct Claims {
    /// The claimed results, in the order of the queue.
    pub claimed: Vec<Claimed>,
    /// When the next postponed result is due; there is no need to claim before.
    pub next_due: Option<Instant>,
    /// Whether results are isolated: claim again as soon as a result that runs here has ended.
    pub isolated: bool,
}

/// A result that was claimed by this worker.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The right to write it.
    pub lease: Lease,
    /// Its current state: running.
    pub result: JobResult,
    /// The records that the start brought.
    pub records: Records,
    /// Where it is resumed; none if it begins at its first line.
    pub resume: Option<Resume>,
}

/// Where a result is resumed: after a crash, after a wait, or as a retry of another.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resume {
    /// The lines before the next one, as they ended.
    pub lines: Vec<LineResult>,
    /// The next line. Its input is kept in the parts of the result. If absent, the result begins at its first
    /// line again: nothing has happened that must not happen twice.
    pub at: Option<u32>,
    /// How many attempts at the next line have failed.
    pub failed_attempts: u32,
    /// The batches of that line that are recorded as done, in order.
    pub batches: Vec<BatchDone>,
    /// A line that ran alone in [`CRASHES_ALONE`](crate::model::lifecycle::isolation::CRASHES_ALONE) crashes: it ends in error without being run.
    pub condemned: Option<u32>,
    /// Whether its node crashed, so that each line is written to the store before it begins.
    pub careful: bool,
}

/// What is not written yet of a running result.
#[derive(Debug, Clone, Default)]
pub struct Notes {
    /// The modules with which it runs; none if they are written.
    pub modules: Option<Vec<ModuleDigest>>,
    /// Lines that began or ended. They replace what was written of them before.
    pub lines: Vec<LineResult>,
}

/// A place at which a result can be resumed.
#[derive(Debug, Clone, Default)]
pub struct Checkpoint {
    /// Everything else that is not written yet.
    pub notes: Notes,
    /// The next line. Its input was kept before with [`Leases::keep`]; all other inputs and all batches of earlier
    /// lines are dropped.
    pub line_no: u32,
    /// How many attempts at that line have failed.
    pub failed_attempts: u32,
    /// The first line in error so far: its input and its batches are not dropped.
    pub failed_line: Option<u32>,
}

/// A wait that keeps no worker busy.
#[derive(Debug, Clone)]
pub struct Postponement {
    /// Where it is resumed.
    pub checkpoint: Checkpoint,
    /// When it is due.
    pub until: Instant,
}

/// The end of a result.
#[derive(Debug, Clone)]
pub struct Finish {
    /// Its final status.
    pub status: Status,
    /// One sentence for a clerk.
    pub message: String,
    /// When it ends.
    pub at: Instant,
    /// Counters over all lines.
    pub counters: Counters,
    /// The first line in error. Its input stays, so that a retry can begin with it.
    pub failed_line: Option<u32>,
    /// Everything that is not written yet.
    pub notes: Notes,
    /// The notifications that are started with it.
    pub notifications: Vec<NewResult>,
}

impl Finish {
    /// An end without lines.
    pub fn bare(status: Status, message: impl Into<String>, at: Instant) -> Self {
        Self {
            status,
            message: message.into(),
            at,
            counters: Counters::default(),
            failed_line: None,
            notes: Notes::default(),
            notifications: Vec::new(),
        }
    }

    /// The end of a result that crashed its node too often: see [`Crashes::gives_up`].
    pub fn given_up(result: &JobResult, crashes: Crashes, at: Instant) -> Self {
        let times = crashes.alone;
        let message =
            format!("The node crashed {times} times while only this job was running, so it is not run again.");
        Self { counters: result.counters, ..Self::bare(Status::Error, message, at) }
    }

    /// Ends the result. Stores write what this sets.
    ///
    /// # Errors
    /// The result stays as it was if its status does not allow this end.
    pub fn end(&self, result: &mut JobResult) -> Result<(), Refusal> {
        result.status = next(result.status, Event::End(self.status))?;
        result.message.clone_from(&self.message);
        result.finished_at = Some(self.at);
        result.counters = self.counters;
        result.failed_line = self.failed_line;
        if let Some(modules) = &self.notes.modules {
            result.modules.clone_from(modules);
        }
        Ok(())
    }
}

/// A result that ended.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Its final state.
    pub result: JobResult,
    /// Whether any result waits that a free worker could claim.
    pub more: bool,
    /// Whether a schedule that waited for an end may start its next job.
    pub armed_schedule: bool,
}

/// Begins a result after a claim. Stores write what this sets.
///
/// # Errors
/// The result stays as it was if it has ended.
pub fn begin(result: &mut JobResult, now: Instant) -> Result<(), Refusal> {
    result.status = next(result.status, Event::Begin)?;
    result.started_at.get_or_insert(now);
    result.attempt += 1;
    Ok(())
}

/// Ends a line that was running when its result was killed.
///
/// # Errors
/// The line stays as it was if it had ended.
pub fn end_open_line(line: &mut LineResult, event: Event, message: &str, at: Instant) -> Result<(), Refusal> {
    line.status = next(line.status, event)?;
    message.clone_into(&mut line.message);
    line.finished_at = Some(at);
    line.retry_at = None;
    Ok(())
}

/// Whether `(node, now, silent)` considers another node lost, as described in [`Queue::recover`]. A node writes its
/// first heartbeat before it claims, so one without a heartbeat was lost before.
pub fn is_lost(other: NodeId, beat: Option<Instant>, (node, now, silent): (NodeId, Instant, Option<Duration>)) -> bool {
    let Some(silent) = silent else { return other != node };
    other != node && beat.is_none_or(|beat| (now - beat).to_std().is_ok_and(|since| since >= silent))
}

/// Why a worker's write was refused.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// The result was killed, or claimed by another worker: stop working on it.
    #[error("the lease on the job result is lost")]
    Lost,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The results that wait for a worker, and the nodes that claim them.
///
/// `checkpoint`, `record_batch`, `postpone`, `finish`, `release` and `recover` are durable when they return. A claim, a
/// note or a part survives a crash of the process, but may be lost in a power cut; a part is durable with the next of
/// the other writes. That is enough, because lines without effects may run again.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Claims the results that [`crate::model::fairness::choose`] selects (never more than [`CLAIM_BATCH`]), and marks
    /// them running. Results that wait for an earlier result of their job, for a later time, or for a queue that is
    /// full, are not claimed.
    ///
    /// [Isolated](Crashes::isolated_until) results come first, those with the fewest crashes before the others. Each is
    /// claimed alone by a node on which nothing runs, and that node claims nothing else until it has ended. After the
    /// time of isolation they are claimed like any other, so that neither they nor the others wait for long.
    async fn claim(&self, claim: Claim) -> Result<Claims, StoreError>;

    /// Ends the wait of a [postponed](Leases::postpone) result before its time. Other results do not change.
    async fn end_wait(&self, organization: OrganizationId, result: ResultId) -> Result<(), StoreError>;

    /// Releases a result as if it had not been claimed: after an orderly stop, or when the store was unavailable. The
    /// next claim takes it, and resumes it at its checkpoint.
    async fn release(&self, lease: Lease) -> Result<(), LeaseError>;

    /// Releases the results that the node has claimed besides these, and returns how many. After a claim whose answer
    /// was lost, nobody works on its results.
    async fn release_others(&self, node: NodeId, running: &[Lease]) -> Result<u64, StoreError>;

    /// Writes the heartbeat of a node.
    async fn beat(&self, node: NodeId, now: Instant) -> Result<(), StoreError>;

    /// Releases the results of nodes that have been silent for this long, counts a crash for each as described in
    /// [`Crashes`], and returns how many there were. With none, every other node is considered lost: for the only node
    /// on a store, before its first claim.
    async fn recover(&self, node: NodeId, now: Instant, silent: Option<Duration>) -> Result<u64, StoreError>;
}

/// What a worker writes about the results that it leases. With a lost lease, nothing is written. See [`Queue`] for what
/// is durable.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Writes the current state of a running result, for people who watch it.
    async fn note(&self, lease: Lease, notes: &Notes) -> Result<(), LeaseError>;

    /// Keeps parts of a set. Part 0 replaces a set that was kept before.
    async fn keep(&self, lease: Lease, parts: Vec<Part>) -> Result<(), LeaseError>;

    /// Makes this the place at which the result is resumed.
    async fn checkpoint(&self, lease: Lease, checkpoint: Checkpoint) -> Result<(), LeaseError>;

    /// Records that a batch of the line of the checkpoint is done: it is never passed to the action again.
    async fn record_batch(&self, lease: Lease, batch: BatchDone) -> Result<(), LeaseError>;

    /// Releases a result until a later time. Its status stays `running`.
    async fn postpone(&self, lease: Lease, postponement: Postponement) -> Result<(), LeaseError>;

    /// Ends the result with any status except `killed`, which only a kill sets. Of its parts, only the input of a line
    /// in error and the sets that were kept on purpose stay. The next result that waits for it may begin.
    async fn finish(&self, lease: Lease, finish: Finish) -> Result<Finished, LeaseError>;
}
