//! The status and the message with which a job ends.

use super::skip_reason::SkipReason;
use crate::model::result::LineResult;
use crate::model::status::Status;
use crate::records::counted;

/// The message of a job that reached its timeout between two lines.
const TIMED_OUT: &str =
    "The job took longer than its timeout, waits included; increase the timeout, or reduce the work.";

/// The status and the message of a job, from its lines. Lines that ran after a stop never make the status better; their
/// errors are added to the message.
pub(super) fn summarize(lines: &[LineResult], skip_reason: Option<SkipReason>, records: usize) -> (Status, String) {
    let after_stop = |line: &&LineResult| skip_reason.is_some_and(|reason| reason.is_stop_before(line));
    let (after, before): (Vec<_>, Vec<_>) = lines.iter().partition(after_stop);
    let (status, mut message) = summarize_before_stop(&before, skip_reason, records);
    for line in after.iter().filter(|line| line.status == Status::Error) {
        message.push_str(&format!(" After that, line {} failed: {}", line.called(), line.message));
    }
    (status, message)
}

fn summarize_before_stop(lines: &[&LineResult], skip_reason: Option<SkipReason>, records: usize) -> (Status, String) {
    if let Some(SkipReason::TimedOutBefore(line_no)) = skip_reason {
        return (Status::Error, format!("Stopped before line {line_no}: {TIMED_OUT}"));
    }
    let ran: Vec<_> = lines.iter().filter(|line| line.status != Status::Skipped).collect();
    let status = Status::of_job(ran.iter().map(|line| line.status));
    let worst = ran.iter().find(|line| line.status == status);
    match (status, skip_reason, worst) {
        (Status::Error, Some(SkipReason::LineFailed(line_no) | SkipReason::TimedOutIn(line_no)), _) => {
            let stopped_at = lines.iter().find(|line| line.line_no == line_no);
            (status, stopped_at.map_or_else(String::new, |line| stop_message(line)))
        }
        (Status::Error, _, Some(line)) => (status, format!("Line {} failed: {}", line.called(), line.message)),
        (Status::Warning, _, Some(line)) => (status, format!("Line {}: {}", line.called(), line.message)),
        (_, Some(SkipReason::EmptySet(line_no)), _) => (Status::Info, format!("Nothing matched at line {line_no}.")),
        _ if ran.is_empty() => (Status::Info, "No line had to run.".to_owned()),
        _ if ran.iter().all(|line| line.status == Status::Info) => {
            (Status::Info, "There was nothing to do.".to_owned())
        }
        _ => (status, format!("{}; {} came out.", count_lines_done(ran.len()), counted(records))),
    }
}

fn stop_message(line: &LineResult) -> String {
    let taken = counted(usize::try_from(line.counters.records_in).unwrap_or(usize::MAX));
    format!("Stopped at line {} after {taken}: {}", line.called(), line.message)
}

fn count_lines_done(count: usize) -> String {
    if count == 1 { "The line did its work".to_owned() } else { format!("All {count} lines did their work") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_times_out_between_lines_is_in_error() {
        let reason = SkipReason::TimedOutBefore(20);
        let (status, message) = summarize(&[], Some(reason), 3);
        assert_eq!(status, Status::Error);
        assert!(message.starts_with("Stopped before line 20: The job took longer than its timeout"), "{message}");
        assert_eq!(reason.message(), "The job had reached its timeout at line 20.");
    }
}
