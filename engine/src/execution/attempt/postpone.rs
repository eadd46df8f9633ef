//! Postponing a result: until the next attempt at a line, or until the jobs that it started have ended.

use tokio::time::Instant as Moment;

use super::Attempt;
use crate::execution::awaited_jobs::{self, RECHECK_INTERVAL};
use crate::execution::outcome::{RetryCause, Stopped};
use crate::model::line::Line;
use crate::model::record::kept_sentence;
use crate::model::result::LineResult;
use crate::model::{Instant, duration};
use crate::node::wait_registry::AwaitedJobs;
use crate::ports::queue::{Checkpoint, Postponement};

impl Attempt<'_> {
    /// When the line is retried; none if it is not.
    pub(super) fn find_retry_time(&self, line: &Line, result: &LineResult, cause: RetryCause) -> Option<Instant> {
        let retry = line.retry.as_ref()?;
        let shortest_wait = match cause {
            RetryCause::Timeout if !retry.on_timeout => return None,
            RetryCause::Timeout => None,
            RetryCause::Temporary(shortest_wait) => shortest_wait,
        };
        let wait = retry.wait(result.attempt, shortest_wait, random_fraction())?;
        // An attempt after the job's own timeout could not begin, unless the job has stopped and the line runs after that.
        let deadline = self.deadline.filter(|_| !self.is_stopped());
        let is_in_time = deadline.is_none_or(|end| Moment::now() + wait < end);
        is_in_time.then(|| self.node.clock.now() + wait)
    }

    /// The message of a line that could have been retried, but is not.
    pub(super) fn explain_no_retry(&self, line: &Line, message: String, cause: RetryCause, attempt: u32) -> String {
        match (cause, self.job.timeout) {
            (RetryCause::Timeout, Some(timeout)) if !self.is_stopped() && self.is_timed_out() => {
                format!(
                    "The job took longer than its timeout of {}; increase the timeout, or reduce the work.",
                    duration::shown(timeout)
                )
            }
            (RetryCause::Timeout, _) if line.retry.is_some_and(|retry| !retry.on_timeout) => {
                format!(
                    "{} It was not retried: `retry` applies to timeouts only with `onTimeout: true`.",
                    sentence(&message)
                )
            }
            _ if line.retry.is_some() && attempt > 1 => format!("{} It was tried {attempt} times.", sentence(&message)),
            _ => message,
        }
    }

    /// Postpones the result until the line is retried.
    pub(super) async fn postpone_until_retry(
        &self,
        line: &Line,
        result: LineResult,
        message: String,
        until: Instant,
    ) -> Result<(), Stopped> {
        let attempt = result.attempt;
        self.node.metrics.line_retries.inc();
        tracing::warn!(
            result = %self.lease.result.0, job = self.result.job, line_no = line.line_no, attempt,
            retry_at = %until, cause = message, "a line failed and will be retried"
        );
        let message = kept_sentence(&format!("Attempt {attempt} failed: {message}"));
        let result = LineResult { message, retry_at: Some(until), ..result };
        self.postpone(line, result, attempt, until).await?;
        // Wakes the worker, so that it learns when the result is due.
        self.node.wake.notify_one();
        Err(Stopped::Postponed)
    }

    /// Postpones the result until the jobs that the line started have ended.
    pub(super) async fn postpone_until_jobs_end(
        &self,
        line: &Line,
        result: LineResult,
        awaited: AwaitedJobs,
    ) -> Result<(), Stopped> {
        let (message, key_prefix) = (awaited.message(), awaited.key_prefix.clone());
        // Registered before it is written, so that a job that ends in between is not missed.
        self.node.waits.add(self.lease.result, awaited, (line.line_no, line.title()));
        let deadline = self.deadline.filter(|_| !self.is_stopped());
        let time_left = deadline.map(|end| end.saturating_duration_since(Moment::now()));
        let until = self.node.clock.now() + time_left.map_or(RECHECK_INTERVAL, |left| left.min(RECHECK_INTERVAL));
        let failed_attempts = result.attempt - 1;
        self.postpone(line, LineResult { message, ..result }, failed_attempts, until).await?;
        awaited_jobs::recheck(self.node, self.scope(), self.lease.result, &key_prefix).await?;
        self.node.wake.notify_one();
        Err(Stopped::Postponed)
    }

    async fn postpone(
        &self,
        line: &Line,
        result: LineResult,
        failed_attempts: u32,
        until: Instant,
    ) -> Result<(), Stopped> {
        self.live.set_line(&result);
        if !self.resume.is_at(line.line_no) {
            self.keep_input_and_line_sets(line).await?;
        }
        let checkpoint = Checkpoint {
            notes: self.journal.notes(),
            line_no: line.line_no,
            failed_attempts,
            failed_line: self.failed_line,
        };
        self.journal.postpone(Postponement { checkpoint, until }).await?;
        self.publish_status();
        Ok(())
    }

    /// Keeps what the line needs to be resumed or retried.
    pub(super) async fn keep_input_and_line_sets(&self, line: &Line) -> Result<(), Stopped> {
        self.journal.keep_input(line.line_no, &self.records).await?;
        self.journal.keep_line_sets(&self.line_sets.kept()).await?;
        Ok(())
    }
}

/// The message of a line whose error a retry cannot fix.
pub(super) fn explain_permanent_failure(line: &Line, message: String) -> String {
    match line.retry {
        Some(retry) if retry.attempts > 1 => {
            format!("{} It was not retried: the action did not report this failure as temporary.", sentence(&message))
        }
        _ => message,
    }
}

/// The message of an action, with a full stop if it has none.
fn sentence(message: &str) -> String {
    let ends = message.trim_end().ends_with(['.', '!', '?', '…']);
    format!("{}{}", message.trim_end(), if ends { "" } else { "." })
}

/// A random number from 0 to 1; 0.5 if the system provides no randomness.
fn random_fraction() -> f64 {
    let mut bytes = [0; 4];
    match getrandom::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 0.5,
    }
}
