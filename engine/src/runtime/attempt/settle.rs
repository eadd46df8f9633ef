//! What becomes of a line when its work is over: taken up, failed, or tried again later.

use serde_json::Value;

use super::Attempt;
use super::journal::KEPT_BYTES;
use super::verdict::{Rest, verdict};
use crate::model::line::{Line, Work};
use crate::model::organization::OrgScope;
use crate::model::record::{SAMPLE_RECORDS, Sample, kept_sentence, sample_of_rejected};
use crate::model::result::{Counters, KEPT_REJECTED, LineResult};
use crate::model::status::Status;
use crate::model::variables;
use crate::model::{Instant, duration};
use crate::ports::actions::Told;
use crate::ports::parts::PartKind;
use crate::ports::queue::{Checkpoint, Finish, LeaseError, Postponement};
use crate::ports::results::NewResult;
use crate::ports::scratch::ScratchFault;
use crate::runtime::act::COPIED;
use crate::runtime::awaited::{Awaited, KILLED, LOOK_AGAIN};
use crate::runtime::perform::{Broken, Done, Halt, Passing, Performed, Unfinished};
use crate::runtime::rejections::Rejections;
use crate::runtime::set::{Set, Sink};
use crate::runtime::{notices, rejections};

impl Attempt<'_> {
    pub(super) async fn settle(
        &mut self,
        line: &Line,
        mut result: LineResult,
        worked: Result<Done, Unfinished>,
    ) -> Result<(), Halt> {
        let Unfinished { why, rejected, rejected_at } = match worked {
            Ok(done) => {
                self.succeed(line, &mut result, done).await?;
                return self.end_line(result).await;
            }
            Err(unfinished) => unfinished,
        };
        let message = match why {
            Broken::Killed | Broken::Halted(LeaseError::Lost) => return self.tell_of_cut(line, result).await,
            Broken::Halted(error) => return Err(error.into()),
            Broken::Waiting(awaited) => return self.wait_for(line, result, awaited).await,
            Broken::Passing(message, passing) => match self.again_at(line, &result, &passing) {
                Some(until) => return self.try_again(line, result, message, until).await,
                None => self.in_the_end(line, message, &passing, result.attempt),
            },
            Broken::Error(message) => not_tried_again(line, message),
        };
        self.note_rejected(line, &mut result, rejected).await?;
        self.fail(line, &mut result, message).await?;
        self.leave_input(line, &rejected_at).await?;
        self.end_line(result).await
    }

    /// What goes on after a line that did not get to its end: the input of an action without the records
    /// that it rejected, and nothing after a filter, which chose nothing.
    async fn leave_input(&mut self, line: &Line, rejected_at: &[usize]) -> Result<(), Halt> {
        if let Work::Filter(_) = line.work {
            let input = std::mem::replace(&mut self.records, Set::held(Vec::new()));
            // Only the line that stopped the job hands its input to lines that run after the stop.
            let has_stopped = self.rest.and_then(Rest::stopped_at) == Some(line.line_no);
            self.input_of_failed = has_stopped.then_some(input);
        } else if !rejected_at.is_empty() {
            self.records = without(&self.records, rejected_at, self.engine.room.sink()).await?;
        }
        Ok(())
    }

    /// Adds to a killed line what it had said and done.
    async fn tell_of_cut(&self, line: &Line, result: LineResult) -> Result<(), Halt> {
        let told = Told { log: result.log, effects: result.effects };
        let scope = OrgScope::of(self.lease.organization);
        self.engine.results.tell(scope, self.lease.result, line.line_no, &told).await?;
        // It may have started jobs after the kill had looked for them.
        let result = self.engine.results.find(scope, self.lease.result).await?;
        if let Some(killed) = result.filter(|result| result.status == Status::Killed) {
            self.engine.kill_awaited(scope, &killed, KILLED).await;
        }
        Err(Halt::Lost)
    }

    /// When the line is tried again; none if it is not.
    fn again_at(&self, line: &Line, result: &LineResult, passing: &Passing) -> Option<Instant> {
        let retry = line.retry.as_ref()?;
        let at_least = match passing {
            Passing::Timeout if !retry.on_timeout => return None,
            Passing::Timeout => None,
            Passing::Temporary(at_least) => *at_least,
        };
        let wait = retry.wait(result.attempt, at_least, chance())?;
        // A try that would come after the job's time is none.
        if self.deadline.is_some_and(|end| end <= tokio::time::Instant::now() + wait) {
            return None;
        }
        Some(self.engine.clock.now() + wait)
    }

    /// The message of a line that is not tried again.
    fn in_the_end(&self, line: &Line, message: String, passing: &Passing, attempt: u32) -> String {
        match (passing, self.job.timeout) {
            (Passing::Timeout, Some(most)) if !self.is_stopped() && self.is_over() => {
                format!(
                    "The job took longer than its timeout of {}; give it a longer one, or less to do.",
                    duration::shown(most)
                )
            }
            (Passing::Timeout, _) if line.retry.is_some_and(|retry| !retry.on_timeout) => {
                format!("{message} It was not tried again: `retry` counts a timeout only with `onTimeout: true`.")
            }
            _ if line.retry.is_some() && attempt > 1 => format!("{message} It was tried {attempt} times."),
            _ => message,
        }
    }

    /// Hands the result back until the line is tried again.
    async fn try_again(&self, line: &Line, result: LineResult, message: String, until: Instant) -> Result<(), Halt> {
        let tries = result.attempt;
        let message = kept_sentence(&format!("Try {tries} failed: {message}"));
        self.postpone(line, LineResult { message, retry_at: Some(until), ..result }, tries, until).await?;
        // The worker asks when it is due.
        self.engine.wake.notify_one();
        Err(Halt::Postponed)
    }

    /// Hands the result back until the jobs that the line started have ended.
    async fn wait_for(&self, line: &Line, result: LineResult, awaited: Awaited) -> Result<(), Halt> {
        let (scope, id) = (OrgScope::of(self.lease.organization), self.lease.result);
        let (message, prefix) = (awaited.message(), awaited.prefix.clone());
        // Noted before it is written, so that a job that ends in between is not missed.
        self.engine.waits.add(id, awaited, (line.line_no, line.title()));
        let left = self
            .deadline
            .filter(|_| !self.is_stopped())
            .map(|end| end.saturating_duration_since(tokio::time::Instant::now()));
        let until = self.engine.clock.now() + left.map_or(LOOK_AGAIN, |left| left.min(LOOK_AGAIN));
        let tries = result.attempt - 1;
        self.postpone(line, LineResult { message, ..result }, tries, until).await?;
        self.engine.look_again(scope, id, &prefix).await?;
        self.engine.wake.notify_one();
        Err(Halt::Postponed)
    }

    async fn postpone(&self, line: &Line, result: LineResult, tries: u32, until: Instant) -> Result<(), Halt> {
        self.live.line(&result);
        if !self.resumed.is_at(line.line_no) {
            self.journal.keep_input(line.line_no, &self.records).await?;
            self.journal.keep_line_sets(&self.line_sets.kept()).await?;
        }
        let (line_no, failed_line) = (line.line_no, self.failed_line);
        let checkpoint = Checkpoint { notes: self.journal.notes(), line_no, tries, failed_line };
        self.journal.postpone(Postponement { checkpoint, until }).await?;
        self.tell_status();
        Ok(())
    }

    /// The line is in error: its input goes on, or the job stops.
    async fn fail(&mut self, line: &Line, result: &mut LineResult, message: String) -> Result<(), Halt> {
        (result.status, result.message) = (Status::Error, message);
        self.keep_failed(line).await?;
        // What lines do after a stop changes nothing of it.
        self.rest = match self.rest {
            None | Some(Rest::AfterEmpty(_)) if self.is_over() => Some(Rest::AfterTimeout(line.line_no)),
            None | Some(Rest::AfterEmpty(_)) if line.stops(self.job.stops_on_error) => {
                Some(Rest::AfterStop(line.line_no))
            }
            rest => rest,
        };
        Ok(())
    }

    /// Keeps the input of the first line in error, from which a retry goes on.
    async fn keep_failed(&mut self, line: &Line) -> Result<(), Halt> {
        let is_kept = self.resumed.is_at(line.line_no);
        // A retry goes on from the line that stopped the job, and never from one that ran after it.
        if self.is_stopped()
            || self.failed_line.is_some()
            || self.result.dry_run
            || (!is_kept && self.records.bytes() > KEPT_BYTES)
        {
            return Ok(());
        }
        if !is_kept {
            self.journal.keep_input(line.line_no, &self.records).await?;
            self.journal.keep_line_sets(&self.line_sets.kept()).await?;
        }
        self.failed_line = Some(line.line_no);
        Ok(())
    }

    async fn succeed(&mut self, line: &Line, result: &mut LineResult, done: Done) -> Result<(), Halt> {
        let counters = Counters {
            records_in: done.records_in,
            records_out: done.records.len() as u64,
            records_rejected: done.rejected.count(),
        };
        (result.status, result.message, result.counters) = (done.status, done.message, counters);
        result.sample = Sample::of(done.records.first(SAMPLE_RECORDS), done.records.len());
        self.note_rejected(line, result, done.rejected).await?;
        if done.status == Status::Error {
            // All of its records were rejected: each can be run again alone, and the line as a whole.
            let message = std::mem::take(&mut result.message);
            self.fail(line, result, message).await?;
            self.records = done.records;
            return Ok(());
        }
        self.keep_output(line, result, &done.records).await?;
        self.records = done.records;
        self.line_sets.passed_on(line, &self.records);
        let empty_filter = matches!(line.work, Work::Filter(_)) && self.records.is_empty();
        if empty_filter && !self.job.continues_when_empty && !self.resumed.join_after(line.line_no) {
            self.rest = Some(Rest::AfterEmpty(line.line_no));
        }
        Ok(())
    }

    /// Counts what a line rejected, and keeps it so that it can be run again alone.
    async fn note_rejected(&mut self, line: &Line, result: &mut LineResult, rejected: Rejections) -> Result<(), Halt> {
        result.counters.records_rejected = rejected.count();
        result.rejected = sample_of_rejected(rejected.first(), KEPT_REJECTED);
        if !self.result.dry_run && !rejected.first().is_empty() {
            self.journal.keep_rejected(line.line_no, rejected.first()).await?;
        }
        let room = rejections::KEPT.saturating_sub(self.rejected.len());
        self.rejected.extend(rejected.into_first().take(room).map(|rejected| (line.line_no, rejected)));
        Ok(())
    }

    /// Keeps all that a line passed on, where the job asks for it.
    async fn keep_output(&self, line: &Line, result: &mut LineResult, records: &Set) -> Result<(), Halt> {
        if !line.keep || self.result.dry_run {
            return Ok(());
        }
        if records.bytes() > KEPT_BYTES {
            result.status = result.status.max(Status::Warning);
            result.message = format!("{} Its records were too many to be kept.", result.message);
            return Ok(());
        }
        Ok(self.journal.keep_set(line.line_no, PartKind::Output, records).await?)
    }

    pub(super) async fn end_line(&mut self, mut result: LineResult) -> Result<(), Halt> {
        result.finished_at = Some(self.engine.clock.now());
        result.message = kept_sentence(&result.message);
        self.live.line(&result);
        if self.resumed.careful {
            self.journal.note().await?;
        }
        self.tell_status();
        self.take_up(result);
        Ok(())
    }

    /// Counts a line that has ended.
    pub(super) fn take_up(&mut self, line: LineResult) {
        let seen = variables::of_line(&line);
        if let Some(Value::Object(lines)) = self.variables.get_mut("lines") {
            let ids = [Some(line.line_no.to_string()), line.name.clone()];
            lines.extend(ids.into_iter().flatten().map(|id| (id, seen.clone())));
        }
        self.lines.push(line);
    }
}

/// The set without the records at these positions, which are in order.
async fn without(set: &Set, positions: &[usize], mut rest: Sink) -> Result<Set, ScratchFault> {
    let (mut batches, mut left, mut at) = (set.batches(COPIED, 0), positions.iter().peekable(), 0..);
    while let Some(batch) = batches.next().await? {
        let mut stays = |_: &Value| at.next().is_some_and(|at| left.next_if(|left| **left == at).is_none());
        rest.extend(batch.into_owned().into_iter().filter(|record| stays(record)).collect()).await?;
    }
    rest.finish().await
}

/// The message of a line that failed for good, with the reason why `retry` did not apply.
fn not_tried_again(line: &Line, message: String) -> String {
    match line.retry {
        Some(retry) if retry.attempts > 1 => {
            format!("{message} It was not tried again: the action does not call this failure temporary.")
        }
        _ => message,
    }
}

/// Ends the result with what its lines came to.
pub(super) async fn finish(attempt: Attempt<'_>) -> Result<Performed, Halt> {
    let (status, message) = verdict(&attempt.lines, attempt.rest, attempt.records.len());
    let first = attempt.lines.iter().find(|line| line.status != Status::Skipped);
    let counters = Counters {
        records_in: first.map_or(0, |line| line.counters.records_in),
        records_out: attempt.records.len() as u64,
        records_rejected: attempt.lines.iter().map(|line| line.counters.records_rejected).sum(),
    };
    let at = attempt.engine.clock.now();
    let mut finish = Finish {
        counters,
        failed_line: attempt.failed_line.filter(|_| status == Status::Error),
        notes: attempt.journal.notes(),
        ..Finish::bare(status, kept_sentence(&message), at)
    };
    finish.notices = attempt.notices(&finish).await?;
    let finished = attempt.journal.finish(finish).await?;
    attempt.tell_status();
    attempt.engine.wake_after_end(attempt.lease.organization, &finished);
    Ok(Performed {
        result: finished.result,
        lines: attempt.lines,
        records: attempt.records,
        rejected: attempt.rejected,
    })
}

impl Attempt<'_> {
    /// What the job's rules have to tell of this end.
    async fn notices(&self, finish: &Finish) -> Result<Vec<NewResult>, Halt> {
        let mut ended = self.result.clone();
        finish.end(&mut ended).map_err(|_| LeaseError::Lost)?;
        let about = notices::About { organization: self.organization, job: self.job };
        Ok(self.engine.notices_of(about, &ended, &self.lines).await?)
    }
}

/// A number from 0 to 1; without randomness the middle.
fn chance() -> f64 {
    let mut bytes = [0; 4];
    match getrandom::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 0.5,
    }
}
