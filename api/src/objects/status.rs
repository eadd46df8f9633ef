//! The closed lists of words in the schema, each beside the engine's.

use async_graphql::Enum;
use engine::model::{action, overlap, result, status};
use engine::runtime::retry;

/// How a job result or a line result stands. Only `PENDING` and `RUNNING` ever change.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "status::Status")]
pub(crate) enum Status {
    /// Accepted, not begun.
    Pending,
    /// Being worked on.
    Running,
    /// Lines only: not to be run, because it is inactive, or after a stop, or after an empty filter.
    Skipped,
    /// Did its work.
    Success,
    /// Nothing matched, or nothing to do.
    Info,
    /// Records were rejected, or an action warned.
    Warning,
    /// Failed.
    Error,
    /// Interrupted by a kill.
    Killed,
}

/// What a line is.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "result::LineKind")]
pub(crate) enum LineKind {
    /// Chooses records.
    Filter,
    /// Works on them.
    Action,
}

/// How much a log message matters.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "result::LogLevel")]
pub(crate) enum LogLevel {
    /// For whoever wrote the action.
    Debug,
    /// For whoever watches.
    Info,
    /// Somebody should look.
    Warn,
    /// Something failed.
    Error,
}

/// What becomes of a start while an earlier result of the same job has not ended.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "overlap::Overlap")]
pub(crate) enum Overlap {
    /// It waits until the earlier one has ended.
    Queue,
    /// It leaves a result that says it was skipped.
    Skip,
    /// Both run at once.
    Allow,
    /// It kills the earlier one and takes its place.
    Replace,
}

/// What of a result is tried again.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "retry::RetryMode")]
pub(crate) enum RetryMode {
    /// From the first line in error, with the records that it had. What is recorded as done of it
    /// is not done again.
    FailedLine,
    /// Only the records that were rejected, each from the line that rejected it.
    Rejected,
}

/// How an action wants its records.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "action::Intake")]
pub(crate) enum Intake {
    /// Batch by batch, in order.
    Batches,
    /// The whole set at once, up to a bound.
    Whole,
    /// No records at all.
    None,
}
