//! The enums of the schema, each converted from one of the engine.

use async_graphql::Enum;
use engine::execution::retry;
use engine::model::{action, overlap, result, status};

/// Status of a job result or a line result. Only `PENDING` and `RUNNING` can change.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "status::Status")]
pub(crate) enum Status {
    /// Accepted, but not running yet.
    Pending,
    /// Running.
    Running,
    /// Only of lines: it does not run, because it is inactive, its condition does not hold, the job has stopped, or a
    /// filter left no records.
    Skipped,
    /// It succeeded.
    Success,
    /// Nothing matched, or there was nothing to do.
    Info,
    /// Some records were rejected, or an action gave a warning.
    Warning,
    /// It failed.
    Error,
    /// It was killed.
    Killed,
}

/// Kind of a line.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "result::LineKind")]
pub(crate) enum LineKind {
    /// It selects records.
    Filter,
    /// It runs an action on records.
    Action,
}

/// Severity of a log message.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "result::LogLevel")]
pub(crate) enum LogLevel {
    /// Details for the author of the action.
    Debug,
    /// Normal progress.
    Info,
    /// Something unexpected that needs attention.
    Warn,
    /// A failure.
    Error,
}

/// What happens to a start while an earlier result of the same job has not ended.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "overlap::Overlap")]
pub(crate) enum Overlap {
    /// The new result waits until the earlier one has ended.
    Queue,
    /// The new result does not run; it ends with a message that it was skipped.
    Skip,
    /// Both run at the same time.
    Allow,
    /// The new result kills the earlier one and runs instead.
    Replace,
}

/// Which part of a result is retried.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "retry::RetryMode")]
pub(crate) enum RetryMode {
    /// The first failed line and those after it, with the records that it had. Its batches that are recorded as done do
    /// not run again.
    FailedLine,
    /// Only the rejected records, each from the line that rejected it.
    Rejected,
}

/// How an action gets its records.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "action::Intake")]
pub(crate) enum Intake {
    /// Batch by batch, in order.
    Batches,
    /// The whole set at once, up to a limit.
    Whole,
    /// No records at all.
    None,
}
