//! The work of one line: its filter or its action. Meanwhile its progress is written for people who watch.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant as Moment;

use super::Attempt;
use crate::execution::checkpoint::LineCheckpoint;
use crate::execution::line_run::LineRun;
use crate::execution::outcome::{LineError, LineOutcome, UnfinishedLine};
use crate::execution::{action, filter};
use crate::model::line::{Line, Work};
use crate::model::record::kept;
use crate::model::result::LineResult;
use crate::ports::actions::LineOutput;
use crate::ports::queue::LeaseError;

/// How long a line may run before notes about it are written, and how often they are written again. Shorter lines are
/// written with the next write that is necessary anyway.
const FIRST_NOTES: Duration = Duration::from_millis(50);
const NEXT_NOTES: Duration = Duration::from_secs(1);

impl Attempt<'_> {
    pub(super) async fn work_and_write_notes(
        &self,
        line: &Line,
        result: &mut LineResult,
    ) -> Result<LineOutcome, UnfinishedLine> {
        tokio::select! {
            biased;
            worked = self.work(line, result) => worked,
            never = self.write_notes_periodically() => match never {},
        }
    }

    async fn write_notes_periodically(&self) -> Infallible {
        let mut pause = FIRST_NOTES;
        loop {
            tokio::time::sleep(pause).await;
            pause = NEXT_NOTES;
            match self.journal.write_notes().await {
                Ok(()) => {
                    self.node.health.working();
                    self.publish_status();
                }
                // A killed line is interrupted; its output is appended when it ends.
                Err(LeaseError::Lost) => self.cancellation.cancel(),
                Err(LeaseError::Store(error)) => self.node.health.paused(&error),
            }
        }
    }

    async fn work(&self, line: &Line, result: &mut LineResult) -> Result<LineOutcome, UnfinishedLine> {
        let context = self.context(line)?;
        let rendered = line.render(&context).map_err(LineError::of_faults)?;
        result.parameters = kept(&rendered);
        self.live.set_line(result);
        let checkpoint = Arc::new(self.new_checkpoint(line));
        let mut output = LineOutput::default();
        let worked = self.filter_or_act(line, rendered, &checkpoint, &mut output).await;
        (result.log, result.effects) = (output.log, output.effects);
        match (checkpoint.take_save_error(), checkpoint.take_awaited(), worked) {
            (Some(error), ..) => Err(LineError::NotRecorded(error).into()),
            // The action's own error is ignored, because the action has not seen how the jobs ended.
            (None, Some(awaited), Err(unfinished)) if !matches!(unfinished.error, LineError::Cancelled) => {
                Err(UnfinishedLine { error: LineError::Waiting(awaited), ..unfinished })
            }
            (_, _, worked) => worked,
        }
    }

    fn new_checkpoint(&self, line: &Line) -> LineCheckpoint {
        let (is_saved, has_effects) = (self.resume.is_at(line.line_no), !self.resume.done(line.line_no).is_empty());
        LineCheckpoint::new(
            self.journal.clone(),
            (line.line_no, self.resume.failed_attempts(line.line_no)),
            self.failed_line,
            (self.records.clone(), self.line_sets.kept()),
            (is_saved, has_effects),
        )
    }

    async fn filter_or_act(
        &self,
        line: &Line,
        rendered: Arc<Value>,
        checkpoint: &Arc<LineCheckpoint>,
        output: &mut LineOutput,
    ) -> Result<LineOutcome, UnfinishedLine> {
        let line_run = LineRun {
            node: self.node,
            lease: self.lease,
            live: &self.live,
            organization: self.organization,
            result: &self.result,
            zone: self.zone,
            batch_size: self.job.batch_size,
            line,
            records: &self.records,
            line_sets: &self.line_sets,
            checkpoint,
            done: self.resume.done(line.line_no),
            timeout: self.timeout_of(line),
            attempt: self.resume.failed_attempts(line.line_no) + 1,
        };
        match &line.work {
            Work::Filter(work) => filter::run(line_run, (work, rendered), output).await.map_err(UnfinishedLine::from),
            Work::Action(work) => action::run(line_run, (work.as_ref(), &rendered), &self.records, output).await,
        }
    }

    /// The line's own timeout, but no more than the job has left. After a stop it has all of its own, so that a job
    /// that timed out can still report that.
    fn timeout_of(&self, line: &Line) -> Duration {
        match self.deadline.filter(|_| !self.is_stopped()) {
            Some(end) => line.timeout.min(end.saturating_duration_since(Moment::now())),
            None => line.timeout,
        }
    }
}
