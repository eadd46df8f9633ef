//! Resuming a result: after a crash, after a wait, or as a retry of another.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Attempt;
use super::skip_reason::SkipReason;
use crate::execution::outcome::{LineError, Stopped};
use crate::execution::sources::result::read_passed_on;
use crate::execution::stored_sets::read_stored_set;
use crate::model::Instant;
use crate::model::lifecycle::isolation::CRASHES_ALONE;
use crate::model::line::{Line, RunOn};
use crate::model::result::LineResult;
use crate::model::source::LineRef;
use crate::model::status::Status;
use crate::ports::parts::{BatchDone, PartKind};
use crate::ports::queue::Resume;
use crate::records::{COPIED, Set};

/// How much the clock and the steady clock may differ while a job runs.
const CLOCK_TOLERANCE: Duration = Duration::from_millis(20);

/// What is known of an earlier attempt.
#[derive(Default)]
pub(super) struct ResumeState {
    /// The next line. Its input is kept.
    at: Option<u32>,
    failed_attempts: u32,
    batches: Vec<BatchDone>,
    /// The lines at which more records join the set.
    joins: BTreeSet<u32>,
    /// A line that is in error without being run: it crashed its node too often.
    pub(super) condemned: Option<u32>,
    /// Whether notes are written before and after each line, because the node crashed in an earlier attempt.
    pub(super) careful: bool,
}

impl ResumeState {
    /// Whether a line ended in an earlier attempt, or comes before the line with which a retry begins.
    pub(super) fn is_past(&self, line_no: u32) -> bool {
        self.at.is_some_and(|at| line_no < at)
    }

    /// Whether the result is resumed at this line.
    pub(super) fn is_at(&self, line_no: u32) -> bool {
        self.at == Some(line_no)
    }

    /// Whether records join the set after this line.
    pub(super) fn joins_after(&self, line_no: u32) -> bool {
        self.joins.range(line_no + 1..).next().is_some()
    }

    /// How many attempts at a line have failed.
    pub(super) fn failed_attempts(&self, line_no: u32) -> u32 {
        if self.is_at(line_no) { self.failed_attempts } else { 0 }
    }

    /// The batches of a line that are recorded as done.
    pub(super) fn done(&self, line_no: u32) -> &[BatchDone] {
        if self.is_at(line_no) { &self.batches } else { &[] }
    }
}

impl Attempt<'_> {
    /// The lines after the next one at which records join the set. Those of the next line are already in its input.
    async fn find_joins(&self, at: Option<u32>) -> Result<BTreeSet<u32>, Stopped> {
        let mut joins = BTreeSet::new();
        if self.result.retry_of.is_none() {
            return Ok(joins);
        }
        let scope = self.scope();
        for line in self.job.lines.iter().filter(|line| at.is_none_or(|at| at < line.line_no)) {
            let set = (line.line_no, PartKind::Joining);
            if !self.node.stores.history.parts(scope, self.lease.result, set, 0, 1).await?.is_empty() {
                joins.insert(line.line_no);
            }
        }
        Ok(joins)
    }

    /// Resumes the result where an earlier attempt left it.
    pub(super) async fn resume_from(&mut self, resume: Resume) -> Result<(), Stopped> {
        let Resume { lines, at, failed_attempts, batches, condemned, careful } = resume;
        self.node.waits.remove(self.lease.result);
        let joins = self.find_joins(at).await?;
        self.resume = ResumeState { at, failed_attempts, batches, joins, condemned, careful };
        let next = self.job.lines.iter().find(|line| Some(line.line_no) == at);
        // A line with another `runOn` would not have begun after a stop.
        let runs_after_stop = next.is_some_and(|line| line.run_on != RunOn::Success);
        for line in lines {
            if self.failed_line.is_none() && line.status == Status::Error && self.has_input(&line).await? {
                self.failed_line = Some(line.line_no);
            }
            if runs_after_stop {
                self.skip_reason = self.skip_reason.or_else(|| self.find_skip_reason_after(&line));
            }
            self.lines.push(line);
        }
        if let Some(next) = next.filter(|_| self.skip_reason.is_none())
            && self.began_after_timeout(next).await?
        {
            self.skip_reason = self.find_timeout();
        }
        if let Some(line_no) = at {
            self.records = self.read_stored_set(line_no, PartKind::Input).await?;
            self.restore_line_sets(line_no).await;
        }
        Ok(())
    }

    /// Why the lines after this one, which ended in an earlier attempt, are skipped.
    fn find_skip_reason_after(&self, result: &LineResult) -> Option<SkipReason> {
        let line = self.job.lines.iter().find(|line| line.line_no == result.line_no)?;
        let reason = SkipReason::after(line, result, self.job)?;
        // A set that is empty is not empty any more when other records join it.
        match reason {
            SkipReason::EmptySet(line_no) if self.resume.joins_after(line_no) => None,
            reason => Some(reason),
        }
    }

    /// Whether this line, which began in an earlier attempt, began after the job had reached its timeout. If no error
    /// stopped a job that runs a line with `runOn: error`, nothing else did.
    async fn began_after_timeout(&self, line: &Line) -> Result<bool, Stopped> {
        let end = match (line.run_on, self.end_of_time()) {
            (RunOn::Error, _) => return Ok(true),
            (RunOn::Always, Some(end)) => end,
            (RunOn::Always, None) | (RunOn::Success, _) => return Ok(false),
        };
        let lines = self.node.stores.history.lines(self.scope(), &[self.lease.result]).await?;
        let began = lines.into_iter().find(|(_, result)| result.line_no == line.line_no);
        Ok(began.and_then(|(_, result)| result.started_at).is_some_and(|began| began >= end))
    }

    /// Where the job reached its timeout: at the first line that ended after it. If the clock was put back, none seems to
    /// have, and the first line that may have reached it counts.
    fn find_timeout(&self) -> Option<SkipReason> {
        let end = self.end_of_time();
        let is_late =
            |line: &LineResult| line.finished_at.is_some_and(|finished| end.is_some_and(|end| finished >= end));
        let first = |status, late: bool| {
            self.lines.iter().find(|line| line.status == status && (!late || is_late(line))).map(|line| line.line_no)
        };
        [true, false].into_iter().find_map(|late| {
            let in_failed = first(Status::Error, late).map(SkipReason::TimedOutIn);
            in_failed.or_else(|| first(Status::Skipped, late).map(SkipReason::TimedOutBefore))
        })
    }

    /// When the job reaches its timeout on the clock, which may be a little before the steady clock says so.
    fn end_of_time(&self) -> Option<Instant> {
        Some(self.result.started_at? + self.job.timeout? - CLOCK_TOLERANCE)
    }

    /// Restores the sets of earlier lines that this line or a later one reads.
    async fn restore_line_sets(&mut self, line_no: u32) {
        let scope = self.scope();
        let sets = &mut self.line_sets;
        for line in &self.lines {
            if !sets.is_read_from(line_no, line) {
                continue;
            }
            let set = read_passed_on(self.node, scope, &self.result, Some(&LineRef::Number(line.line_no))).await;
            let set = set.map_err(|error| match error {
                LineError::Failed(message) => message,
                _ => "The set of an earlier line cannot be read at the moment.".to_owned(),
            });
            if set.is_ok() {
                self.journal.mark_line_set_kept(line.line_no);
            }
            sets.restore(line, set);
        }
    }

    /// Whether the input of a line in error is kept. It is not if the line was taken over from an earlier result, or if
    /// the input was too large.
    async fn has_input(&self, line: &LineResult) -> Result<bool, Stopped> {
        let set = (line.line_no, PartKind::Input);
        let kept = self.node.stores.history.parts(self.scope(), self.lease.result, set, 0, 1).await?;
        Ok(!kept.is_empty())
    }

    async fn read_stored_set(&self, line_no: u32, kind: PartKind) -> Result<Set, Stopped> {
        read_stored_set(self.node, self.scope(), self.lease.result, (line_no, kind)).await
    }

    /// Adds the records that the line rejected in the result that is retried.
    pub(super) async fn add_joining_records(&mut self, line: &Line) -> Result<(), Stopped> {
        if !self.resume.joins.contains(&line.line_no) {
            return Ok(());
        }
        let joining = self.read_stored_set(line.line_no, PartKind::Joining).await?;
        let mut all = self.node.spill.sink();
        for set in [&self.records, &joining] {
            let mut batches = set.batches(COPIED, 0);
            while let Some(batch) = batches.next().await? {
                all.extend(batch.into_owned()).await?;
            }
        }
        self.records = all.finish().await?;
        Ok(())
    }
}

/// The error of a line that was running alone in too many crashes of its node.
pub(super) fn condemned_line() -> LineError {
    LineError::Failed(format!(
        "The node crashed {CRASHES_ALONE} times while only this line ran, so it is not run again."
    ))
}
