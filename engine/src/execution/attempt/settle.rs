//! What follows from the work of a line: the result of the line, and the set that is passed on.

use serde_json::Value;

use super::Attempt;
use super::postpone::explain_permanent_failure;
use super::skip_reason::SkipReason;
use crate::execution::journal::KEPT_BYTES;
use crate::execution::kill::{self, STARTER_WAS_KILLED};
use crate::execution::outcome::{LineError, LineOutcome, Stopped, UnfinishedLine};
use crate::model::line::{Line, Work};
use crate::model::record::{kept_sentence, sample_of_rejected};
use crate::model::result::{Counters, KEPT_REJECTED, LineResult};
use crate::model::status::Status;
use crate::ports::actions::LineOutput;
use crate::ports::parts::PartKind;
use crate::ports::queue::LeaseError;
use crate::ports::scratch::ScratchFault;
use crate::records::rejections::Rejections;
use crate::records::{COPIED, Set, Sink, rejections};

impl Attempt<'_> {
    pub(super) async fn settle(
        &mut self,
        line: &Line,
        mut result: LineResult,
        worked: Result<LineOutcome, UnfinishedLine>,
    ) -> Result<(), Stopped> {
        let UnfinishedLine { error, rejected, rejected_at } = match worked {
            Ok(outcome) => {
                self.succeed(line, &mut result, outcome).await?;
                return self.end_line(result).await;
            }
            Err(unfinished) => unfinished,
        };
        let message = match error {
            LineError::Cancelled | LineError::NotRecorded(LeaseError::Lost) => {
                return self.append_output_of_killed(line, result).await;
            }
            LineError::NotRecorded(error) => return Err(error.into()),
            LineError::Waiting(awaited) => return self.postpone_until_jobs_end(line, result, awaited).await,
            LineError::Retryable(message, cause) => match self.find_retry_time(line, &result, cause) {
                Some(until) => return self.postpone_until_retry(line, result, message, until).await,
                None => self.explain_no_retry(line, message, cause, result.attempt),
            },
            LineError::Failed(message) => explain_permanent_failure(line, message),
        };
        self.add_rejections(line, &mut result, rejected).await?;
        self.fail(line, &mut result, message).await?;
        self.set_records_after_error(line, &rejected_at).await?;
        self.end_line(result).await
    }

    async fn succeed(&mut self, line: &Line, result: &mut LineResult, outcome: LineOutcome) -> Result<(), Stopped> {
        result.counters = Counters {
            records_in: outcome.records_in,
            records_out: outcome.records.len() as u64,
            records_rejected: outcome.rejected.count(),
        };
        (result.status, result.message) = (outcome.status, outcome.message);
        result.sample = outcome.records.sample();
        self.add_rejections(line, result, outcome.rejected).await?;
        if outcome.status == Status::Error {
            // All records were rejected: they can be retried alone, and so can the whole line.
            let message = std::mem::take(&mut result.message);
            self.fail(line, result, message).await?;
            self.records = outcome.records;
            return Ok(());
        }
        self.keep_output(line, result, &outcome.records).await?;
        self.records = outcome.records;
        self.line_sets.passed_on(line, &self.records);
        let is_empty_filter = matches!(line.work, Work::Filter(_)) && self.records.is_empty();
        if is_empty_filter && !self.job.continues_when_empty && !self.resume.joins_after(line.line_no) {
            self.skip_reason = Some(SkipReason::EmptySet(line.line_no));
        }
        Ok(())
    }

    /// Puts the line in error, and stops the job if the error does.
    async fn fail(&mut self, line: &Line, result: &mut LineResult, message: String) -> Result<(), Stopped> {
        (result.status, result.message) = (Status::Error, message);
        self.keep_failed_input(line).await?;
        if self.is_stopped() {
            // What a line does after a stop does not change why the job stopped.
            return Ok(());
        }
        if self.is_timed_out() {
            self.skip_reason = Some(SkipReason::TimedOutIn(line.line_no));
        } else if line.stops(self.job.stops_on_error) {
            self.skip_reason = Some(SkipReason::LineFailed(line.line_no));
        }
        Ok(())
    }

    /// Keeps the input of the first line in error, with which a retry begins.
    async fn keep_failed_input(&mut self, line: &Line) -> Result<(), Stopped> {
        let is_kept = self.resume.is_at(line.line_no);
        // A retry begins with the line that stopped the job, and never with one that ran after the stop.
        if self.is_stopped()
            || self.failed_line.is_some()
            || self.result.dry_run
            || (!is_kept && self.records.bytes() > KEPT_BYTES)
        {
            return Ok(());
        }
        if !is_kept {
            self.keep_input_and_line_sets(line).await?;
        }
        self.failed_line = Some(line.line_no);
        Ok(())
    }

    /// Sets the records that are passed on by a line in error: the input of an action without the records that it
    /// rejected; nothing after a filter, because it chose nothing.
    async fn set_records_after_error(&mut self, line: &Line, rejected_at: &[usize]) -> Result<(), Stopped> {
        if let Work::Filter(_) = line.work {
            let input = std::mem::replace(&mut self.records, Set::held(Vec::new()));
            // Lines that run after the stop take the input of the line that stopped the job, and of no other.
            let has_stopped = self.skip_reason.and_then(SkipReason::stopped_at) == Some(line.line_no);
            self.input_of_failed = has_stopped.then_some(input);
        } else if !rejected_at.is_empty() {
            self.records = without_positions(&self.records, rejected_at, self.node.spill.sink()).await?;
        }
        Ok(())
    }

    /// Appends to a killed line the log and the effects that it had before it was interrupted.
    async fn append_output_of_killed(&self, line: &Line, mut result: LineResult) -> Result<(), Stopped> {
        let (log, effects) = (std::mem::take(&mut result.log), std::mem::take(&mut result.effects));
        let output = LineOutput { log, effects, ..LineOutput::default() };
        let (scope, id) = (self.scope(), self.lease.result);
        self.node.stores.endings.append_output(scope, id, line.line_no, &output).await?;
        // The line may have started jobs after the kill had looked for them.
        let job_result = self.node.stores.history.find(scope, id).await?;
        if let Some(killed) = job_result.filter(|result| result.status == Status::Killed) {
            (result.status, result.finished_at) = (Status::Killed, killed.finished_at);
            self.node.metrics.count_line(&result);
            kill::kill_awaited(self.node, scope, &killed, STARTER_WAS_KILLED).await;
        }
        Err(Stopped::Lost)
    }

    /// Counts the records that a line rejected, and keeps them so that they can be retried alone.
    async fn add_rejections(
        &mut self,
        line: &Line,
        result: &mut LineResult,
        rejected: Rejections,
    ) -> Result<(), Stopped> {
        result.counters.records_rejected = rejected.count();
        result.rejected = sample_of_rejected(rejected.first(), KEPT_REJECTED);
        if !self.result.dry_run && !rejected.first().is_empty() {
            self.journal.keep_rejected(line.line_no, rejected.first()).await?;
        }
        let remaining = rejections::KEPT.saturating_sub(self.rejected.len());
        self.rejected.extend(rejected.into_first().take(remaining).map(|rejected| (line.line_no, rejected)));
        Ok(())
    }

    /// Keeps all records that a line passed on, if the job requires it.
    async fn keep_output(&self, line: &Line, result: &mut LineResult, records: &Set) -> Result<(), Stopped> {
        if !line.keep || self.result.dry_run {
            return Ok(());
        }
        let bytes = records.bytes();
        if bytes > KEPT_BYTES {
            result.status = result.status.max(Status::Warning);
            result.message = format!(
                "{} Its records were not kept, because they take {bytes} bytes and at most {KEPT_BYTES} are kept.",
                result.message
            );
            return Ok(());
        }
        Ok(self.journal.keep_set(line.line_no, PartKind::Output, records).await?)
    }

    pub(super) async fn end_line(&mut self, mut result: LineResult) -> Result<(), Stopped> {
        result.finished_at = Some(self.node.clock.now());
        result.message = kept_sentence(&result.message);
        self.live.set_line(&result);
        if self.resume.careful {
            self.journal.write_notes().await?;
        }
        self.publish_status();
        self.node.metrics.count_line(&result);
        self.lines.push(result);
        Ok(())
    }
}

/// The set without the records at these positions, which are in ascending order.
async fn without_positions(set: &Set, positions: &[usize], mut sink: Sink) -> Result<Set, ScratchFault> {
    let (mut batches, mut excluded, mut position) = (set.batches(COPIED, 0), positions.iter().peekable(), 0..);
    while let Some(batch) = batches.next().await? {
        let mut is_kept = |_: &Value| {
            let position = position.next();
            position.is_some_and(|position| excluded.next_if(|excluded| **excluded == position).is_none())
        };
        sink.extend(batch.into_owned().into_iter().filter(|record| is_kept(record)).collect()).await?;
    }
    sink.finish().await
}
