//! An action line: hands the set to the action, batch by batch or whole, and
//! takes up what comes of it.

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::attempt::{AtLine, Attempt};
use super::engine::Engine;
use super::perform::{Broken, Done, Unfinished};
use super::reach::{self, LineReach};
use super::running::Live;
use super::select::aside;
use super::set::Set;
use super::taking::{self, Judged, Taking};
use crate::model::action::Intake;
use crate::model::criteria::Reading;
use crate::model::fault::field;
use crate::model::field_use::FieldUse;
use crate::model::line::ActionWork;
use crate::model::result::LogEntry;
use crate::ports::actions::{ActionLine, Failure, FailureKind, LineContext, Listener, OpenLine, Told};
use crate::ports::notices::Change;
use crate::ports::parts::BatchDone;
use crate::ports::queue::Lease;
use crate::ports::reach::CLOSING;

/// How many records an action may be handed at once that wants them whole, and how many
/// bytes of JSON.
const MAX_WHOLE: usize = 250_000;
pub(crate) const MAX_WHOLE_BYTES: u64 = 64 * 1024 * 1024;

/// How many records are copied at once from one set to another.
pub(crate) const COPIED: usize = 1000;

/// Hears what a line logs, and shows it to whoever watches.
pub(crate) struct Heard {
    engine: Engine,
    lease: Lease,
    live: Arc<Live>,
}

impl Heard {
    pub(super) fn of(engine: &Engine, lease: Lease, live: Arc<Live>) -> Self {
        Self { engine: engine.clone(), lease, live }
    }
}

impl Listener for Heard {
    fn logged(&self, entry: &LogEntry) {
        self.live.logged(entry.clone());
        self.engine.tell(self.lease.organization, self.lease.result, Change::Log);
    }
}

/// Runs an action whose parameters are rendered.
pub(crate) async fn act(
    attempt: &Attempt<'_>,
    at: AtLine<'_>,
    (work, parameters): (&ActionWork, &Value),
    set: &Set,
    told: &mut Told,
) -> Result<Done, Unfinished> {
    let path = field(&at.line.path, "parameters");
    let faults = if work.schema.is_costly(parameters) {
        let (schema, parameters) = (Arc::clone(&work.schema), parameters.clone());
        aside(move || Ok(schema.faults(&parameters, &path, Reading::Rendered))).await?
    } else {
        work.schema.faults(parameters, &path, Reading::Rendered)
    };
    if !faults.is_empty() {
        return Err(Broken::of_faults(faults).into());
    }
    let limits = Limits { attempt, at, started: tokio::time::Instant::now() };
    let opening = async { attempt.engine.open(open_line(attempt, at, work, parameters).await?).await };
    let mut opened = match limits.hold(async { Ok(opening.await) }).await? {
        Ok(opened) => opened,
        Err(mut failure) => {
            *told = std::mem::take(&mut *failure.told);
            return Err(failure.into());
        }
    };
    let named = if at.line.fields_optional { Vec::new() } else { work.schema.fields_named_in(parameters) };
    let taking = Taking::of(set, attempt.engine.room.writer(), FieldUse::of(named));
    let worked = take_all((work, work.intake(parameters)), set, (opened.as_mut(), taking), &limits).await;
    *told = opened.drain();
    worked
}

async fn open_line(
    attempt: &Attempt<'_>,
    at: AtLine<'_>,
    work: &ActionWork,
    parameters: &Value,
) -> Result<OpenLine, Failure> {
    let (result, line) = (&attempt.result, at.line);
    let about = reach::Line {
        organization: attempt.organization.clone(),
        result: result.id,
        depth: result.depth,
        root: result.root,
        is_retry: result.retry_of.is_some(),
        line_no: line.line_no,
        job: result.job.clone(),
        module: work.module.module.clone(),
        dry_run: result.dry_run,
        zone: attempt.zone,
        checkpoint: Arc::clone(at.checkpoint),
    };
    let reach = LineReach::of(attempt.engine, about).await.map_err(|error| {
        Failure::new(FailureKind::Temporary { retry_after: None }, format!("The grants cannot be read: {error}"))
    })?;
    let local = |instant: crate::model::Instant| crate::model::dates::stamp(&instant.with_timezone(&attempt.zone));
    let context = LineContext {
        job_result: result.id.0.to_string(),
        line_no: line.line_no,
        attempt: at.attempt,
        idempotency_key: format!("{}:{}", result.root.0, line.line_no),
        now: local(result.now),
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
        timeout: at.timeout,
        kill: attempt.kill.clone(),
        listener: attempt.listener(),
    })
}

/// The hard stop of every action, whatever its module does.
struct Limits<'a> {
    attempt: &'a Attempt<'a>,
    at: AtLine<'a>,
    started: tokio::time::Instant,
}

impl Limits<'_> {
    async fn hold<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Broken> {
        // The host names the limit better than this outer stop can, so it goes first.
        let end = self.started + self.at.timeout + Duration::from_millis(250);
        tokio::select! {
            biased;
            done = work => Ok(done?),
            () = self.attempt.kill.cancelled() => Err(Broken::Killed),
            () = tokio::time::sleep_until(end) => Err(Failure::timed_out(self.at.timeout).into()),
        }
    }

    /// What an earlier attempt recorded of a batch.
    fn done(&self, number: u32, handed: usize) -> Option<&BatchDone> {
        self.at.done.iter().find(|done| done.batch == number && done.taken as usize == handed)
    }
}

/// Hands over the set as the action wants it, and takes up what comes back.
async fn take_all(
    (work, intake): (&ActionWork, Intake),
    set: &Set,
    (action, mut taking): (&mut dyn ActionLine, Taking),
    limits: &Limits<'_>,
) -> Result<Done, Unfinished> {
    match hand_over((work, intake), set, (action, &mut taking), limits).await {
        Ok(()) => Ok(taking.done(set.len(), &work.action).await?),
        Err(why) => Err(taking.unfinished(why)),
    }
}

/// Hands over the set, batch by batch or whole, and closes the line.
async fn hand_over(
    (work, intake): (&ActionWork, Intake),
    set: &Set,
    (action, taking): (&mut dyn ActionLine, &mut Taking),
    limits: &Limits<'_>,
) -> Result<(), Broken> {
    match intake {
        Intake::None => {
            let batch = judge(0, &[], action, limits).await?;
            taking.add_alone(batch).await?;
        }
        Intake::Whole => {
            check_whole(&work.action, set)?;
            let size = set.len();
            take_batches(set, size, (&mut *action, &mut *taking), limits).await?;
            if set.is_empty() {
                // It is still handed over: an action may make records from nothing.
                take_batch(0, Cow::Borrowed(&[]), (&mut *action, &mut *taking), limits).await?;
            }
        }
        Intake::Batches => {
            take_batches(set, limits.attempt.job.batch_size, (&mut *action, &mut *taking), limits).await?;
        }
    }
    close((action, taking), limits).await
}

async fn take_batches(
    set: &Set,
    size: usize,
    (action, taking): (&mut dyn ActionLine, &mut Taking),
    limits: &Limits<'_>,
) -> Result<(), Broken> {
    let line = limits.at.line;
    limits.attempt.progress(line, 0, set.len());
    let (mut batches, mut taken, mut number) = (set.batches(size, 0), 0, 0);
    while let Some(batch) = batches.next().await? {
        taken += batch.len();
        take_batch(number, batch, (&mut *action, &mut *taking), limits).await?;
        number += 1;
        limits.attempt.progress(line, taken, set.len());
    }
    Ok(())
}

async fn take_batch(
    number: u32,
    batch: Cow<'_, [Value]>,
    (action, taking): (&mut dyn ActionLine, &mut Taking),
    limits: &Limits<'_>,
) -> Result<(), Broken> {
    let came = judge(number, &batch, action, limits).await?;
    taking.add(came, batch).await
}

/// Hands over one batch, unless an earlier attempt recorded that it is done, and records it
/// as done if anything was changed outside.
async fn judge(
    number: u32,
    batch: &[Value],
    action: &mut dyn ActionLine,
    limits: &Limits<'_>,
) -> Result<Judged, Broken> {
    if let Some(done) = limits.done(number, batch.len()) {
        return Ok(Judged::recorded(done));
    }
    let outcome = limits.hold(action.take(number, batch)).await?;
    let came = Judged::of(batch, outcome)?;
    if limits.at.checkpoint.is_touched() {
        let done = came.done(limits.at.line.line_no, number, batch.len());
        limits.at.checkpoint.record(done).await?;
    }
    Ok(came)
}

async fn close((action, taking): (&mut dyn ActionLine, &mut Taking), limits: &Limits<'_>) -> Result<(), Broken> {
    if let Some(done) = limits.done(CLOSING, 0) {
        return taking.close(taking::closed(done)).await;
    }
    let outcome = limits.hold(action.close()).await?;
    if limits.at.checkpoint.is_touched() {
        let line_no = limits.at.line.line_no;
        limits.at.checkpoint.record(taking::closing(line_no, &outcome)).await?;
    }
    taking.close(outcome).await
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
