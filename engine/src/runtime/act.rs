//! An action line: hands the set to the action, batch by batch or whole, and
//! takes up what comes of it.

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::attempt::Attempt;
use super::perform::{Broken, Done};
use super::reach::{self, LineReach};
use super::set::Set;
use super::taking::Taking;
use crate::model::action::Intake;
use crate::model::criteria::Reading;
use crate::model::fault::field;
use crate::model::line::{ActionWork, Line};
use crate::ports::actions::{ActionLine, Failure, FailureKind, LineContext, OpenLine, Told};

/// How many records an action may be handed at once that wants them whole, and how many
/// bytes of JSON.
const MAX_WHOLE: usize = 250_000;
const MAX_WHOLE_BYTES: u64 = 64 * 1024 * 1024;

/// Runs an action whose parameters are rendered.
pub(crate) async fn act(
    attempt: &Attempt<'_>,
    line: &Line,
    (work, parameters): (&ActionWork, &Value),
    set: &Set,
    told: &mut Told,
) -> Result<Done, Broken> {
    let faults = work.schema.faults(parameters, &field(&line.path, "parameters"), Reading::Rendered);
    if !faults.is_empty() {
        return Err(Broken::of_faults(faults));
    }
    let limits = Limits { attempt, timeout: line.timeout, started: tokio::time::Instant::now() };
    let opening = async { attempt.engine.open(open_line(attempt, line, work, parameters).await?).await };
    let mut opened = match limits.hold(async { Ok(opening.await) }).await? {
        Ok(opened) => opened,
        Err(mut failure) => {
            *told = std::mem::take(&mut *failure.told);
            return Err(failure.into());
        }
    };
    let worked = take_all((line, work, work.intake(parameters)), set, opened.as_mut(), &limits).await;
    *told = opened.drain();
    worked
}

async fn open_line(
    attempt: &Attempt<'_>,
    line: &Line,
    work: &ActionWork,
    parameters: &Value,
) -> Result<OpenLine, Failure> {
    let result = &attempt.result;
    let about = reach::Line {
        organization: attempt.organization.clone(),
        result: result.id,
        line_no: line.line_no,
        job: result.job.clone(),
        module: work.module.module.clone(),
        dry_run: result.dry_run,
    };
    let reach = LineReach::of(attempt.engine, about).await.map_err(|error| {
        Failure::new(FailureKind::Temporary { retry_after: None }, format!("The grants cannot be read: {error}"))
    })?;
    let local = |instant: crate::model::Instant| crate::model::dates::stamp(&instant.with_timezone(&attempt.zone));
    let context = LineContext {
        job_result: result.id.0.to_string(),
        line_no: line.line_no,
        attempt: result.attempt,
        idempotency_key: format!("{}:{}", result.id.0, line.line_no),
        now: local(result.created_at),
        since: result.since.map(local),
        organization: attempt.organization.key.clone(),
        arguments: Value::Object(result.arguments.clone()),
        dates: attempt.dates(),
        dry_run: result.dry_run,
    };
    Ok(OpenLine {
        module: work.module.clone(),
        action: work.name.clone(),
        parameters: parameters.clone(),
        context,
        reach: Arc::new(reach),
        timeout: line.timeout,
        kill: attempt.kill.clone(),
    })
}

/// The hard stop of every action, whatever its module does.
struct Limits<'a> {
    attempt: &'a Attempt<'a>,
    timeout: Duration,
    started: tokio::time::Instant,
}

impl Limits<'_> {
    async fn hold<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Broken> {
        // The host names the limit better than this outer stop can, so it goes first.
        let end = self.started + self.timeout + Duration::from_millis(250);
        tokio::select! {
            biased;
            done = work => Ok(done?),
            () = self.attempt.kill.cancelled() => Err(Broken::Killed),
            () = tokio::time::sleep_until(end) => Err(Failure::timed_out(self.timeout).into()),
        }
    }
}

/// Hands over the set as the action wants it, and takes up what comes back.
async fn take_all(
    (line, work, intake): (&Line, &ActionWork, Intake),
    set: &Set,
    action: &mut dyn ActionLine,
    limits: &Limits<'_>,
) -> Result<Done, Broken> {
    let mut taking = Taking::of(set, limits.attempt.engine.room.writer());
    match intake {
        Intake::None => {
            let outcome = limits.hold(action.take(&[])).await?;
            taking.outcome_without_records(set, outcome).await?;
        }
        Intake::Whole => {
            check_whole(&work.action, set)?;
            let size = set.len();
            take_batches(line, set, size, (action, &mut taking), limits).await?;
            if set.is_empty() {
                // It is still handed over: an action may make records from nothing.
                let outcome = limits.hold(action.take(&[])).await?;
                taking.outcome(Cow::Borrowed(&[]), outcome).await?;
            }
        }
        Intake::Batches => {
            take_batches(line, set, limits.attempt.job.batch_size, (action, &mut taking), limits).await?;
        }
    }
    let outcome = limits.hold(action.close()).await?;
    taking.close(outcome).await?;
    taking.done(set.len(), &work.action).await
}

async fn take_batches(
    line: &Line,
    set: &Set,
    size: usize,
    (action, taking): (&mut dyn ActionLine, &mut Taking),
    limits: &Limits<'_>,
) -> Result<(), Broken> {
    limits.attempt.progress(line, 0, set.len());
    let (mut batches, mut taken) = (set.batches(size, 0), 0);
    while let Some(batch) = batches.next().await? {
        let outcome = limits.hold(action.take(&batch)).await?;
        taken += batch.len();
        taking.outcome(batch, outcome).await?;
        limits.attempt.progress(line, taken, set.len());
    }
    Ok(())
}

/// Whether a set is small enough to be handed over whole. Nothing of it is read for this.
fn check_whole(action: &str, set: &Set) -> Result<(), Broken> {
    let refused = |most: String, there: String| {
        let told = format!("{action} takes its records whole, at most {most}; there are {there}.");
        Err(Broken::Error(format!("{told} Choose fewer with a filter, or fewer fields with its `select`.")))
    };
    if set.len() > MAX_WHOLE {
        return refused(format!("{MAX_WHOLE} of them"), set.len().to_string());
    }
    match set.bytes() {
        bytes if bytes > MAX_WHOLE_BYTES => refused(format!("{MAX_WHOLE_BYTES} bytes of JSON"), bytes.to_string()),
        _ => Ok(()),
    }
}

/// `1 record`, `5 records`.
pub(crate) fn counted(count: usize) -> String {
    if count == 1 { "1 record".to_owned() } else { format!("{count} records") }
}
