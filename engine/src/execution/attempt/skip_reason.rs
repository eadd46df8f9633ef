//! Why the remaining lines of a job are skipped.

use crate::model::job::Job;
use crate::model::line::{Line, Work};
use crate::model::result::LineResult;
use crate::model::status::Status;

/// Why the remaining lines are skipped. Each names the line by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SkipReason {
    /// An error of this line stopped the job.
    LineFailed(u32),
    /// This filter left no records.
    EmptySet(u32),
    /// The job reached its timeout while this line ran.
    TimedOutIn(u32),
    /// The job reached its timeout before this line began.
    TimedOutBefore(u32),
}

impl SkipReason {
    /// Why the lines after this one are skipped, as far as its result says. For a result that is resumed.
    pub(super) fn after(line: &Line, result: &LineResult, job: &Job) -> Option<Self> {
        match (&line.work, result.status) {
            (_, Status::Error) => line.stops(job.stops_on_error).then_some(Self::LineFailed(line.line_no)),
            (_, Status::Skipped) => None,
            (Work::Filter(_), _) if result.counters.records_out == 0 && !job.continues_when_empty => {
                Some(Self::EmptySet(line.line_no))
            }
            _ => None,
        }
    }

    /// Whether an error, or the timeout of the job, has stopped it.
    pub(super) fn is_stop(self) -> bool {
        self.stopped_at().is_some()
    }

    /// The line at which the job stopped.
    pub(super) fn stopped_at(self) -> Option<u32> {
        match self {
            Self::LineFailed(line_no) | Self::TimedOutIn(line_no) | Self::TimedOutBefore(line_no) => Some(line_no),
            Self::EmptySet(_) => None,
        }
    }

    /// Whether a line ran after the job had stopped. Nothing that it does makes the end of the job better.
    pub(super) fn is_stop_before(self, line: &LineResult) -> bool {
        match self {
            Self::LineFailed(line_no) | Self::TimedOutIn(line_no) => line.line_no > line_no,
            Self::TimedOutBefore(line_no) => line.line_no >= line_no,
            Self::EmptySet(_) => false,
        }
    }

    /// The message of a line that is skipped for this reason.
    pub(super) fn message(self) -> String {
        match self {
            Self::LineFailed(line_no) => format!("The job had stopped at line {line_no}."),
            Self::EmptySet(line_no) => format!("No records were left after line {line_no}."),
            Self::TimedOutIn(line_no) | Self::TimedOutBefore(line_no) => {
                format!("The job had reached its timeout at line {line_no}.")
            }
        }
    }
}
