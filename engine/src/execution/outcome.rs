//! How lines and results end: the types that all steps of the execution share.

use std::time::Duration;

use crate::deadline::Interrupt;
use crate::model::fault::{self, Fault};
use crate::model::record::Rejected;
use crate::model::result::{JobResult, LineResult};
use crate::model::status::Status;
use crate::node::blocking::TaskFailed;
use crate::node::wait_registry::AwaitedJobs;
use crate::ports::StoreError;
use crate::ports::actions::{Failure, FailureKind};
use crate::ports::queue::LeaseError;
use crate::ports::scratch::ScratchFault;
use crate::records::rejections::Rejections;
use crate::records::{Set, SetError};

/// How a worker's work on a result ended.
#[derive(Debug)]
pub enum Ending {
    /// The result has ended.
    Ended(Box<Performed>),
    /// It waits: for the next attempt at a line, or for jobs that it started.
    Postponed,
    /// It was killed, now belongs to another worker, or was interrupted because the node stops.
    Lost,
    /// The engine panicked while it worked on the result, and the result was ended in error.
    Broken,
}

/// A job result that has ended, with more than the store keeps of it.
#[derive(Debug)]
pub struct Performed {
    /// The result, ended.
    pub result: JobResult,
    /// Its lines.
    pub lines: Vec<LineResult>,
    /// The set after the last line.
    pub records: Set,
    /// The first rejected records of all lines, each with the number of its line. The counter of the result holds how
    /// many there were.
    pub rejected: Vec<(u32, Rejected)>,
}

/// Why the work on a result stopped before its end.
#[derive(Debug)]
pub(crate) enum Stopped {
    Lost,
    Postponed,
    Store(StoreError),
}

impl From<LeaseError> for Stopped {
    fn from(error: LeaseError) -> Self {
        match error {
            LeaseError::Lost => Self::Lost,
            LeaseError::Store(error) => Self::Store(error),
        }
    }
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<ScratchFault> for Stopped {
    fn from(fault: ScratchFault) -> Self {
        Self::Store(StoreError::Unreadable(fault.to_string()))
    }
}

/// What a line did with its set.
#[derive(Debug)]
pub(crate) struct LineOutcome {
    pub status: Status,
    pub message: String,
    pub records_in: u64,
    pub records: Set,
    pub rejected: Rejections,
}

/// A line that did not finish.
#[derive(Debug)]
pub(crate) struct UnfinishedLine {
    pub error: LineError,
    /// The records that it had rejected before.
    pub rejected: Rejections,
    /// The positions of these records in the set that the line took.
    pub rejected_at: Vec<usize>,
}

impl<E: Into<LineError>> From<E> for UnfinishedLine {
    fn from(error: E) -> Self {
        Self { error: error.into(), rejected: Rejections::default(), rejected_at: Vec::new() }
    }
}

/// Why a line did not finish.
#[derive(Debug)]
pub(crate) enum LineError {
    /// The line is in error.
    Failed(String),
    /// The line is in error, unless a retry succeeds.
    Retryable(String, RetryCause),
    /// The line waits until the jobs that it started have ended.
    Waiting(AwaitedJobs),
    /// The job result was killed, or its worker stops.
    Cancelled,
    /// The store did not record what the line did.
    NotRecorded(LeaseError),
}

/// Why a retry may succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryCause {
    /// The action called the failure temporary. It may name the shortest time to wait.
    Temporary(Option<Duration>),
    /// The line took longer than its timeout.
    Timeout,
}

impl From<Failure> for LineError {
    fn from(failure: Failure) -> Self {
        match failure.kind {
            FailureKind::Cancelled => Self::Cancelled,
            FailureKind::Timeout => Self::Retryable(failure.message, RetryCause::Timeout),
            FailureKind::Temporary { retry_after } => {
                let at_least = retry_after.map(|seconds| Duration::from_secs(seconds.into()));
                Self::Retryable(failure.message, RetryCause::Temporary(at_least))
            }
            FailureKind::Final | FailureKind::Trap | FailureKind::Limit => Self::Failed(failure.message),
        }
    }
}

impl From<LeaseError> for LineError {
    fn from(error: LeaseError) -> Self {
        Self::NotRecorded(error)
    }
}

impl LineError {
    /// The line is in error for all of these.
    pub(crate) fn of_faults(faults: Vec<Fault>) -> Self {
        Self::Failed(fault::join(&faults))
    }
}

impl From<ScratchFault> for LineError {
    fn from(fault: ScratchFault) -> Self {
        Self::Failed(fault.to_string())
    }
}

impl From<Fault> for LineError {
    fn from(fault: Fault) -> Self {
        Self::Failed(fault.to_string())
    }
}

impl From<Interrupt> for LineError {
    fn from(interrupt: Interrupt) -> Self {
        match interrupt {
            Interrupt::Cancelled => Self::Cancelled,
            Interrupt::TimedOut(timeout) => Failure::timed_out(timeout).into(),
        }
    }
}

impl From<TaskFailed> for LineError {
    fn from(error: TaskFailed) -> Self {
        Self::Failed(format!("An internal error stopped the line: {error}."))
    }
}

impl From<SetError> for LineError {
    fn from(error: SetError) -> Self {
        match error {
            SetError::Interrupt(interrupt) => interrupt.into(),
            SetError::Scratch(fault) => fault.into(),
        }
    }
}
