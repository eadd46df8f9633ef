//! The store as a worker sees it: claim a result, note its lines, finish it.
//!
//! A claim hands out a lease with a number that only grows. Every later write
//! carries it, and a write whose lease is no longer the newest changes nothing.

use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use uuid::Uuid;

use super::StoreError;
use super::parts::{BatchDone, Part};
use super::results::NewResult;
use crate::model::Instant;
use crate::model::action::ModuleDigest;
use crate::model::organization::OrganizationId;
use crate::model::record::Records;
use crate::model::result::{Counters, JobResult, LineResult, ResultId};
use crate::model::status::{Event, Refusal, Status, next};
use crate::model::turn::Room;

/// How often in a row a result may be at work when its node crashes before it is isolated.
pub const CRASHES_BESIDE_OTHERS: u32 = 2;

/// How often a node may crash while only one line is at work on it. After that the line is in
/// error and not tried again. One crash proves nothing: it may be a power cut.
pub const CRASHES_ALONE: u32 = 3;

/// How long results are isolated after a crash. It doubles with each further crash beside others,
/// so that a line is found that takes longer to bring its node down.
pub const ISOLATION: TimeDelta = TimeDelta::seconds(30);

/// How often [`ISOLATION`] doubles at most: to 16 minutes.
const DOUBLINGS: u32 = 5;

/// How many results one claim takes at most, whatever it asks for.
pub const CLAIM_BATCH: u32 = 500;

/// Identity of a process that works on results: a new one each time it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub Uuid);

/// The right to write on one result until somebody else claims or kills it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    /// Whose result.
    pub organization: OrganizationId,
    /// Which result.
    pub result: ResultId,
    /// Grows with each claim of the result.
    pub number: u32,
}

/// A wish for work.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    /// Who asks.
    pub node: NodeId,
    /// How many workers are free.
    pub room: Room,
    /// When.
    pub now: Instant,
}

impl Claim {
    /// How many results are taken up at most.
    pub fn bounded_room(&self) -> Room {
        let slots = self.room.slots.min(CLAIM_BATCH);
        Room { slots, spare: self.room.spare.min(CLAIM_BATCH - slots) }
    }
}

/// What a claim came to.
#[derive(Debug, Clone, Default)]
pub struct Claims {
    /// The results taken up, in the order in which their turn came.
    pub claimed: Vec<Claimed>,
    /// When the next result that waits for a time is due; nothing has to be asked before.
    pub next_due: Option<Instant>,
    /// Whether results are isolated: ask again as soon as a result at work here has ended.
    pub isolated: bool,
}

/// A result taken up by this worker.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The right to write on it.
    pub lease: Lease,
    /// As it stands now: running.
    pub result: JobResult,
    /// The records that the start brought.
    pub records: Records,
    /// From where it goes on; none if it begins at its first line.
    pub resume: Option<Resume>,
}

/// From where a result goes on: after a crash, after a wait, or as a retry of another.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resume {
    /// The lines before the one that is next, as they ended.
    pub lines: Vec<LineResult>,
    /// The line that is next, whose input is kept in the parts of the result. None begins at the
    /// first line again: nothing had been done that may not be done twice.
    pub at: Option<u32>,
    /// How often the line that is next was tried and ended in a failure that a retry may mend.
    pub tries: u32,
    /// The batches of that line that are recorded as done, in order.
    pub batches: Vec<BatchDone>,
    /// A line that ran alone in [`CRASHES_ALONE`] crashes: it is in error when its turn comes.
    pub condemned: Option<u32>,
    /// Whether its node crashed the last time, so that each line is noted before it begins.
    pub careful: bool,
}

/// What is known of a result at work, and not written yet.
#[derive(Debug, Clone, Default)]
pub struct Notes {
    /// The modules that it runs with; none if that was written.
    pub modules: Option<Vec<ModuleDigest>>,
    /// Lines that began or ended. What was written of a line before is replaced.
    pub lines: Vec<LineResult>,
}

/// A place from which a result can go on.
#[derive(Debug, Clone, Default)]
pub struct Checkpoint {
    /// All that is known besides.
    pub notes: Notes,
    /// The line that is next. Its input was kept before, with [`Queue::keep`]; all other
    /// inputs and all batches of earlier lines are dropped.
    pub line_no: u32,
    /// How often that line was tried already.
    pub tries: u32,
    /// The first line in error so far: its input and its batches are not dropped.
    pub failed_line: Option<u32>,
}

/// A wait that keeps no worker busy.
#[derive(Debug, Clone)]
pub struct Postponement {
    /// From where it goes on.
    pub checkpoint: Checkpoint,
    /// When it is due.
    pub until: Instant,
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
    /// The first line in error. Its input stays, so that a retry can go on from it.
    pub failed_line: Option<u32>,
    /// All that was not written before.
    pub notes: Notes,
    /// Results to be started with it: what the job's rules of `notify` ask for.
    pub notices: Vec<NewResult>,
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
            notices: Vec::new(),
        }
    }

    /// How a result ends of which [`Crashes::gives_up`].
    pub fn given_up(result: &JobResult, crashes: Crashes, at: Instant) -> Self {
        let times = crashes.alone;
        let message =
            format!("The node went down {times} times while only this was at work, so it is not tried again.");
        Self { counters: result.counters, ..Self::bare(Status::Error, message, at) }
    }

    /// The result as it is after this end. Stores write what this leaves.
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
    /// As it stands for ever.
    pub result: JobResult,
    /// Whether anything waits in the store that a free worker could look at.
    pub more: bool,
    /// Whether a schedule may go on that waited for an end.
    pub rearmed: bool,
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

/// A line that was open when its result was killed: it ends with it.
///
/// # Errors
/// The line stays as it was if it had ended.
pub fn cut(line: &mut LineResult, event: Event, message: &str, at: Instant) -> Result<(), Refusal> {
    line.status = next(line.status, event)?;
    message.clone_into(&mut line.message);
    line.finished_at = Some(at);
    line.retry_at = None;
    Ok(())
}

/// The crashes of nodes that had a result at work, counted since it last waited or was handed back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Crashes {
    /// While other results were at work on the same node: any of them may be the cause.
    pub beside_others: u32,
    /// While nothing else was at work on the node, in a row with the same line.
    pub alone: u32,
    /// The line that was at work when the node crashed with nothing else; none if no line was.
    pub line: Option<u32>,
}

impl Crashes {
    /// Counts one more.
    #[must_use]
    pub fn and(self, at_work: Option<u32>, alone: bool) -> Self {
        if !alone {
            return Self { beside_others: self.beside_others + 1, ..self };
        }
        // A condemned line stays condemned, whatever crashes after it.
        let goes_on = self.line == at_work || self.condemned().is_some();
        let before = if goes_on { self } else { Self { alone: 0, line: at_work, ..self } };
        Self { alone: before.alone + 1, ..before }
    }

    /// Whether there were any.
    pub fn any(&self) -> bool {
        self.beside_others + self.alone > 0
    }

    /// The line that is in error by them.
    pub fn condemned(&self) -> Option<u32> {
        self.line.filter(|_| self.alone >= CRASHES_ALONE)
    }

    /// Whether the result as a whole is ended: no line had begun, or another line than the
    /// condemned one crashes its node too.
    pub fn gives_up(&self) -> bool {
        let most = if self.line.is_some() { 2 * CRASHES_ALONE } else { CRASHES_ALONE };
        self.alone >= most
    }

    /// Until when the result is performed with nothing else at work on its node; none if it needs
    /// no isolation.
    pub fn isolated_until(&self, now: Instant) -> Option<Instant> {
        let further = self.beside_others.checked_sub(CRASHES_BESIDE_OTHERS)?;
        Some(now + ISOLATION * 2_i32.pow(further.min(DOUBLINGS)))
    }
}

/// Whether a node is taken for lost by `(node, now, silent)`, as [`Queue::recover`] says. A node beats
/// before it claims, so that one without a beat was lost before.
pub fn is_lost(other: NodeId, beat: Option<Instant>, (node, now, silent): (NodeId, Instant, Option<Duration>)) -> bool {
    let Some(silent) = silent else { return other != node };
    other != node && beat.is_none_or(|beat| (now - beat).to_std().is_ok_and(|since| since >= silent))
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
/// `checkpoint`, `record_batch`, `postpone`, `finish`, `release` and `recover` are durable when
/// they answer. A claim, a note or a part may be lost with the power, not with the process, and a
/// part is durable with the next of the others: nothing else is promised before it, and lines that
/// are pure run again freely.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Takes up results whose turn it is, as [`crate::model::turn::choose`] says (never more than
    /// [`CLAIM_BATCH`]), and marks them running. What waits for an earlier result of its job, for a
    /// time that is not come, or for a queue that is full, is left.
    ///
    /// [Isolated](Crashes::isolated_until) results come first, those with the fewest crashes before
    /// the others. Each is claimed alone by a node that has nothing at work, and nothing else is
    /// claimed by that node until it has ended. When the time of isolation is over they are
    /// claimed like any other, so that neither they nor the others wait for long.
    async fn claim(&self, claim: Claim) -> Result<Claims, StoreError>;

    /// Writes what is known of a result at work, for whoever watches.
    async fn note(&self, lease: Lease, notes: &Notes) -> Result<(), LeaseError>;

    /// Keeps parts of a set. Part 0 begins the set anew: what was there of it is dropped.
    async fn keep(&self, lease: Lease, parts: Vec<Part>) -> Result<(), LeaseError>;

    /// Makes this the place from which the result goes on.
    async fn checkpoint(&self, lease: Lease, checkpoint: Checkpoint) -> Result<(), LeaseError>;

    /// Records that a batch of the line of the checkpoint is done: it is never handed over again.
    async fn record_batch(&self, lease: Lease, batch: BatchDone) -> Result<(), LeaseError>;

    /// Hands a result back until a time has come. It goes on being running.
    async fn postpone(&self, lease: Lease, postponement: Postponement) -> Result<(), LeaseError>;

    /// Makes a result ready that was [postponed](Self::postpone), before its time. Nothing happens to any other.
    async fn end_wait(&self, organization: OrganizationId, result: ResultId) -> Result<(), StoreError>;

    /// Ends the result, with any status but `killed`: only a kill kills. Only the input of a line
    /// in error and what was kept on purpose stays of its parts. The next result that waits for it may begin.
    async fn finish(&self, lease: Lease, finish: Finish) -> Result<Finished, LeaseError>;

    /// Hands a result back as if it had not been claimed: after an orderly stop, or when
    /// the store was away. The next claim takes it, and goes on from its checkpoint.
    async fn release(&self, lease: Lease) -> Result<(), LeaseError>;

    /// Hands back what the node has claimed besides these, as [`Self::release`] does, and says how much it
    /// was: after a claim whose answer was lost, nobody works on what it took up.
    async fn release_others(&self, node: NodeId, at_work: &[Lease]) -> Result<u64, StoreError>;

    /// Says that a node is alive.
    async fn beat(&self, node: NodeId, now: Instant) -> Result<(), StoreError>;

    /// Puts back what nodes had taken up that have been silent for this long, counts the crash of each
    /// as [`Crashes`] says, and says how much it was. With none, every other node is
    /// taken for lost: for the only node on a store, before its first claim.
    async fn recover(&self, node: NodeId, now: Instant, silent: Option<Duration>) -> Result<u64, StoreError>;
}
