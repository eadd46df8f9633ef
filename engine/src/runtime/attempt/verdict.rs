//! How the job ends, and the sentence that says so.

use crate::model::job::Job;
use crate::model::line::{Line, Work};
use crate::model::result::LineResult;
use crate::model::status::Status;
use crate::runtime::act::counted;

/// What a job says whose own time was over between two lines.
const OUT_OF_TIME: &str = "The job took longer than its timeout, waits included; give it a longer one, or less to do.";

/// Why the rest of the lines is skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    AfterStop(u32),
    AfterEmpty(u32),
    /// The job's own time was over at this line.
    AfterTimeout(u32),
    /// It was over before this line began.
    BeforeLine(u32),
}

impl Rest {
    /// Why lines after this one are skipped, as far as its record says; for a result that goes on.
    pub(super) fn after(line: &Line, result: &LineResult, job: &Job) -> Option<Self> {
        match (&line.work, result.status) {
            (_, Status::Error) => line.stops(job.stops_on_error).then_some(Self::AfterStop(line.line_no)),
            (_, Status::Skipped) => None,
            (Work::Filter(_), _) if result.counters.records_out == 0 && !job.continues_when_empty => {
                Some(Self::AfterEmpty(line.line_no))
            }
            _ => None,
        }
    }

    /// The line whose error stopped the job.
    pub(super) fn stopped_at(self) -> Option<u32> {
        match self {
            Self::AfterStop(line_no) | Self::AfterTimeout(line_no) | Self::BeforeLine(line_no) => Some(line_no),
            Self::AfterEmpty(_) => None,
        }
    }

    /// Whether an error ended the job here, and what lines did after it did not change that.
    fn is_error_before(self, line: &LineResult) -> bool {
        match self {
            Self::AfterStop(line_no) | Self::AfterTimeout(line_no) => line.line_no > line_no,
            Self::BeforeLine(line_no) => line.line_no >= line_no,
            Self::AfterEmpty(_) => false,
        }
    }

    /// What a line says that is skipped for it.
    pub(super) fn reason(self) -> String {
        match self {
            Self::AfterStop(line_no) => format!("The job had stopped at line {line_no}."),
            Self::AfterEmpty(line_no) => format!("Nothing was left after line {line_no}."),
            Self::AfterTimeout(line_no) | Self::BeforeLine(line_no) => {
                format!("The job's time was over at line {line_no}.")
            }
        }
    }
}

/// How the job ends, and the sentence that says so. What lines did after a stop never makes it better,
/// and what went wrong in them is said too.
pub(super) fn verdict(lines: &[LineResult], rest: Option<Rest>, records: usize) -> (Status, String) {
    let after_stop = |line: &&LineResult| rest.is_some_and(|rest| rest.is_error_before(line));
    let (after, before): (Vec<_>, Vec<_>) = lines.iter().partition(after_stop);
    let (status, mut message) = verdict_of(&before, rest, records);
    for line in after.iter().filter(|line| line.status == Status::Error) {
        message.push_str(&format!(" After that, line {} failed: {}", line.called(), line.message));
    }
    (status, message)
}

fn verdict_of(lines: &[&LineResult], rest: Option<Rest>, records: usize) -> (Status, String) {
    if let Some(Rest::BeforeLine(line_no)) = rest {
        return (Status::Error, format!("Stopped before line {line_no}: {OUT_OF_TIME}"));
    }
    let worked: Vec<_> = lines.iter().filter(|line| line.status != Status::Skipped).collect();
    let status = Status::of_job(worked.iter().map(|line| line.status));
    let worst = worked.iter().find(|line| line.status == status);
    let stopped_at = |line_no: u32| lines.iter().find(|line| line.line_no == line_no);
    match (status, rest, worst) {
        (Status::Error, Some(Rest::AfterStop(line_no) | Rest::AfterTimeout(line_no)), _) => {
            let told = stopped_at(line_no).map_or_else(String::new, |line| {
                let before = counted(usize::try_from(line.counters.records_in).unwrap_or(usize::MAX));
                format!("Stopped at line {} after {before}: {}", line.called(), line.message)
            });
            (status, told)
        }
        (Status::Error, _, Some(line)) => (status, format!("Line {} failed: {}", line.called(), line.message)),
        (Status::Warning, _, Some(line)) => (status, format!("Line {}: {}", line.called(), line.message)),
        (_, Some(Rest::AfterEmpty(line_no)), _) => (Status::Info, format!("Nothing matched at line {line_no}.")),
        _ if worked.is_empty() => (Status::Info, "No line had to run.".to_owned()),
        _ if worked.iter().all(|line| line.status == Status::Info) => {
            (Status::Info, "There was nothing to do.".to_owned())
        }
        _ => (status, format!("{}; {} came out.", lines_did(worked.len()), counted(records))),
    }
}

fn lines_did(count: usize) -> String {
    if count == 1 { "The line did its work".to_owned() } else { format!("All {count} lines did their work") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_whose_time_is_over_between_lines_is_in_error() {
        let (status, message) = verdict(&[], Some(Rest::BeforeLine(20)), 3);
        assert_eq!(status, Status::Error);
        assert!(message.starts_with("Stopped before line 20: The job took longer than its timeout"), "{message}");
        assert_eq!(Rest::BeforeLine(20).reason(), "The job's time was over at line 20.");
    }
}
