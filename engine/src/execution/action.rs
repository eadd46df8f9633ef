//! An action line: it passes the set to the action, in batches or as a whole, and collects the outcome.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::batch_outcome::{BatchOutcome, OutcomeCollector, closing_from_recorded, closing_to_recorded};
use super::host_calls::{Caller, LineHostCalls};
use super::line_run::LineRun;
use super::module_loading;
use super::outcome::{LineError, LineOutcome, UnfinishedLine};
use crate::deadline::{Deadline, Interrupt};
use crate::model::action::Intake;
use crate::model::criteria::Reading;
use crate::model::dates::stamp;
use crate::model::fault::field;
use crate::model::field_use::FieldUse;
use crate::model::line::ActionWork;
use crate::node::blocking::blocking;
use crate::ports::actions::{ActionLine, Failure, FailureKind, LineContext, LineOutput, OpenLine};
use crate::ports::host_calls::CLOSE_BATCH;
use crate::records::{MAX_WHOLE_BYTES, Set};

/// How many records a set may have for an action that takes it whole.
const MAX_WHOLE: usize = 250_000;

/// Runs an action whose parameters are rendered.
pub(crate) async fn run(
    line_run: LineRun<'_>,
    (work, parameters): (&ActionWork, &Arc<Value>),
    set: &Set,
    output: &mut LineOutput,
) -> Result<LineOutcome, UnfinishedLine> {
    check_parameters(line_run, work, parameters).await?;
    let limits = CallLimits { line_run, deadline: line_run.deadline() };
    let opening = async { module_loading::open(line_run.node, open_line(line_run, work, parameters).await?).await };
    let action = match limits.run(async { Ok(opening.await) }).await? {
        Ok(action) => action,
        Err(mut failure) => {
            *output = std::mem::take(&mut *failure.output);
            line_run.node.metrics.observe_guest_memory(output.memory_peak);
            return Err(limits.line_error(failure).into());
        }
    };
    let named_fields = if line_run.line.fields_optional { Vec::new() } else { work.schema.fields_named_in(parameters) };
    let collector = OutcomeCollector::new(set, line_run.node.spill.writer(), FieldUse::new(named_fields));
    let mut run = ActionRun { limits, action, collector };
    let processed = run.process(work, work.intake(parameters), set).await;
    *output = run.action.drain();
    line_run.node.metrics.observe_guest_memory(output.memory_peak);
    match processed {
        Ok(()) => Ok(run.collector.finish(set.len(), &work.action).await?),
        Err(error) => Err(run.collector.into_unfinished(error)),
    }
}

/// Checks rendered parameters against the schema of the action.
async fn check_parameters(line_run: LineRun<'_>, work: &ActionWork, parameters: &Arc<Value>) -> Result<(), LineError> {
    let path = field(&line_run.line.path, "parameters");
    let faults = if work.schema.is_costly(parameters) {
        let (schema, parameters) = (Arc::clone(&work.schema), Arc::clone(parameters));
        blocking(move || schema.faults(&parameters, &path, Reading::Rendered)).await?
    } else {
        work.schema.faults(parameters, &path, Reading::Rendered)
    };
    if faults.is_empty() { Ok(()) } else { Err(LineError::of_faults(faults)) }
}

async fn open_line(line_run: LineRun<'_>, work: &ActionWork, parameters: &Arc<Value>) -> Result<OpenLine, Failure> {
    let (result, line) = (line_run.result, line_run.line);
    let caller = Caller {
        organization: line_run.organization.clone(),
        result: result.id,
        depth: result.depth,
        root: result.root,
        is_retry: result.retry_of.is_some(),
        line_no: line.line_no,
        job: result.job.clone(),
        module: work.module.module.clone(),
        dry_run: result.dry_run,
        zone: line_run.zone,
        checkpoint: Arc::clone(line_run.checkpoint),
    };
    let host_calls = LineHostCalls::new(line_run.node, caller).await.map_err(|error| {
        Failure::new(
            FailureKind::Temporary { retry_after: None },
            format!("The grants of the module cannot be read: {error}."),
        )
    })?;
    let local = |instant: crate::model::Instant| stamp(&instant.with_timezone(&line_run.zone));
    let context = LineContext {
        job_result: result.id.0.to_string(),
        line_no: line.line_no,
        attempt: line_run.attempt,
        idempotency_key: format!("{}:{}", result.root.0, line.line_no),
        now: local(result.now),
        since: result.since.map(local),
        organization: line_run.organization.key.clone(),
        arguments: Value::Object(result.arguments.clone()),
        dates: line_run.dates(),
        dry_run: result.dry_run,
    };
    Ok(OpenLine {
        module: work.module.clone(),
        action: work.name.clone(),
        parameters: Arc::clone(parameters),
        context,
        host_calls: Arc::new(host_calls),
        timeout: line_run.timeout,
        cancellation: line_run.live.cancellation.clone(),
        listener: line_run.listener(),
    })
}

/// How much longer than the deadline a call may take: the error of the host names the limit better than the deadline
/// here can.
const GRACE: Duration = Duration::from_millis(250);

/// Limits every call of an action, whatever its module does, and counts the failures.
struct CallLimits<'a> {
    line_run: LineRun<'a>,
    deadline: Deadline,
}

impl CallLimits<'_> {
    async fn run<T>(&self, call: impl Future<Output = Result<T, Failure>>) -> Result<T, LineError> {
        let done = match self.deadline.run_with_grace(call, GRACE).await {
            Ok(done) => done,
            Err(Interrupt::Cancelled) => return Err(LineError::Cancelled),
            Err(Interrupt::TimedOut(timeout)) => Err(Failure::timed_out(timeout)),
        };
        done.map_err(|failure| self.line_error(failure))
    }

    fn line_error(&self, failure: Failure) -> LineError {
        self.line_run.node.metrics.count_guest_failure(failure.kind);
        failure.into()
    }
}

/// The run of an action over a set.
struct ActionRun<'a> {
    limits: CallLimits<'a>,
    action: Box<dyn ActionLine>,
    collector: OutcomeCollector,
}

impl ActionRun<'_> {
    /// Passes the set to the action, and closes the line.
    async fn process(&mut self, work: &ActionWork, intake: Intake, set: &Set) -> Result<(), LineError> {
        match intake {
            Intake::None => {
                let outcome = self.call_take(0, &[]).await?;
                self.collector.add_without_input(outcome).await?;
            }
            Intake::Whole => {
                check_whole(&work.action, set)?;
                self.take_batches(set, set.len()).await?;
                if set.is_empty() {
                    // The action is called with an empty set too: it may make records from nothing.
                    self.take_batch(0, Cow::Borrowed(&[])).await?;
                }
            }
            Intake::Batches => self.take_batches(set, self.limits.line_run.batch_size).await?,
        }
        self.close().await
    }

    async fn take_batches(&mut self, set: &Set, size: usize) -> Result<(), LineError> {
        self.limits.line_run.show_progress(0, set.len());
        let (mut batches, mut taken, mut number) = (set.batches(size, 0), 0, 0);
        while let Some(batch) = batches.next().await? {
            taken += batch.len();
            self.take_batch(number, batch).await?;
            number += 1;
            self.limits.line_run.show_progress(taken, set.len());
        }
        Ok(())
    }

    async fn take_batch(&mut self, number: u32, batch: Cow<'_, [Value]>) -> Result<(), LineError> {
        let outcome = self.call_take(number, &batch).await?;
        self.collector.add(outcome, batch).await
    }

    /// Calls the action with a batch, unless an earlier attempt recorded it as done. Afterwards the batch is recorded
    /// as done, if the line has had effects.
    async fn call_take(&mut self, number: u32, batch: &[Value]) -> Result<BatchOutcome, LineError> {
        let line_run = self.limits.line_run;
        if let Some(done) = line_run.find_done(number, batch.len()) {
            return Ok(BatchOutcome::from_recorded(done));
        }
        let outcome = self.limits.run(self.action.take(number, batch)).await?;
        let outcome = BatchOutcome::from_action(batch, outcome)?;
        if line_run.checkpoint.has_effects() {
            line_run.checkpoint.record_batch(outcome.to_recorded(line_run.line.line_no, number, batch.len())).await?;
        }
        Ok(outcome)
    }

    async fn close(&mut self) -> Result<(), LineError> {
        let line_run = self.limits.line_run;
        if let Some(done) = line_run.find_done(CLOSE_BATCH, 0) {
            return self.collector.close(closing_from_recorded(done)).await;
        }
        let outcome = self.limits.run(self.action.close()).await?;
        if line_run.checkpoint.has_effects() {
            line_run.checkpoint.record_batch(closing_to_recorded(line_run.line.line_no, &outcome)).await?;
        }
        self.collector.close(outcome).await
    }
}

/// Refuses a set that is too large for an action that takes it whole. No record is read for this.
fn check_whole(action: &str, set: &Set) -> Result<(), LineError> {
    let refused = |limit: String, actual: String| {
        let message = format!("{action} takes its records all at once, at most {limit}; there are {actual}.");
        Err(LineError::Failed(format!("{message} Choose fewer with a filter, or fewer fields with its `select`.")))
    };
    if set.len() > MAX_WHOLE {
        return refused(format!("{MAX_WHOLE} of them"), set.len().to_string());
    }
    match set.bytes() {
        bytes if bytes > MAX_WHOLE_BYTES => refused(format!("{MAX_WHOLE_BYTES} bytes of JSON"), bytes.to_string()),
        _ => Ok(()),
    }
}
