//! An action line: hands the set to the action, batch by batch or whole, and
//! takes up what comes of it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::attempt::Attempt;
use super::perform::{Broken, Done};
use super::reach::{self, LineReach};
use crate::model::action::Intake;
use crate::model::criteria::Reading;
use crate::model::fault::field;
use crate::model::line::{ActionWork, Line};
use crate::model::record::{Records, Rejected};
use crate::model::status::Status;
use crate::ports::actions::{ActionLine, Failure, FailureKind, LineContext, OpenLine, Outcome, Severity, Told};

/// How many records an action may be handed at once that wants them whole.
const MAX_WHOLE: usize = 250_000;

/// Runs an action whose parameters are rendered.
pub(crate) async fn act(
    attempt: &Attempt<'_>,
    line: &Line,
    (work, parameters): (&ActionWork, &Value),
    set: &[Value],
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

async fn take_all(
    (line, work, intake): (&Line, &ActionWork, Intake),
    set: &[Value],
    action: &mut dyn ActionLine,
    limits: &Limits<'_>,
) -> Result<Done, Broken> {
    let attempt = limits.attempt;
    let size = match intake {
        Intake::Batches => attempt.job.batch_size,
        Intake::Whole if set.len() > MAX_WHOLE => {
            let message = format!(
                "{} takes its records whole, at most {MAX_WHOLE}; there are {}. Choose fewer with a filter.",
                work.action,
                set.len()
            );
            return Err(Broken::Error(message));
        }
        Intake::Whole | Intake::None => set.len().max(1),
    };
    let mut taking = Taking::default();
    if intake == Intake::None {
        let outcome = limits.hold(action.take(&[])).await?;
        taking.outcome_without_records(set, outcome);
    } else {
        attempt.progress(line, 0, set.len());
        // An empty set is still handed over whole: an action may make records from nothing.
        let empty: &[Value] = &[];
        let batches = set.chunks(size).chain((set.is_empty() && intake == Intake::Whole).then_some(empty));
        let mut taken = 0;
        for batch in batches {
            let outcome = limits.hold(action.take(batch)).await?;
            taking.outcome(batch, outcome)?;
            taken += batch.len();
            attempt.progress(line, taken, set.len());
        }
    }
    let outcome = limits.hold(action.close()).await?;
    taking.close(outcome);
    Ok(taking.done(set.len(), &work.action))
}

/// What the batches have come to so far.
#[derive(Default)]
struct Taking {
    records: Records,
    rejected: Vec<Rejected>,
    message: Option<String>,
    severity: Option<Severity>,
}

impl Taking {
    fn outcome(&mut self, batch: &[Value], outcome: Outcome) -> Result<(), Broken> {
        let mut leaves = vec![false; batch.len()];
        for (index, reason) in outcome.rejected {
            let position = index as usize;
            let Some(leaving) = leaves.get_mut(position) else {
                return Err(Broken::Error(format!(
                    "The action rejected record {position} of a batch of {}; this is a fault of its module.",
                    batch.len()
                )));
            };
            if !std::mem::replace(leaving, true) {
                self.rejected.push(Rejected { record: batch[position].clone(), reason });
            }
        }
        match outcome.records {
            Some(records) => self.records.extend(records),
            None => self
                .records
                .extend(batch.iter().zip(leaves).filter(|(_, leaves)| !leaves).map(|(record, _)| record.clone())),
        }
        self.note(outcome.message, outcome.severity);
        Ok(())
    }

    fn outcome_without_records(&mut self, set: &[Value], outcome: Outcome) {
        self.records = outcome.records.unwrap_or_else(|| set.to_vec());
        self.note(outcome.message, outcome.severity);
    }

    fn close(&mut self, outcome: Outcome) {
        // Closing without a word adds nothing to how the batches went; without any batch, and
        // without records, there was nothing to do. A warning counts even without a word.
        let mute = outcome.message.is_none() && (self.severity.is_some() || outcome.records.is_none());
        let severity = if mute && outcome.severity == Severity::Success { Severity::Info } else { outcome.severity };
        self.records.extend(outcome.records.unwrap_or_default());
        self.note(outcome.message, severity);
    }

    fn note(&mut self, message: Option<String>, severity: Severity) {
        self.severity = self.severity.max(Some(severity));
        self.message = message.or(self.message.take());
    }

    fn done(self, taken: usize, action: &str) -> Done {
        let (status, message) = self.verdict(taken, action);
        Done { status, message, records_in: taken as u64, records: self.records, rejected: self.rejected }
    }

    fn verdict(&self, taken: usize, action: &str) -> (Status, String) {
        let said = self.message.clone();
        if let Some(first) = self.rejected.first() {
            let all = self.rejected.len() == taken;
            let status = if all { Status::Error } else { Status::Warning };
            let which = if all {
                format!("all {}", counted(taken))
            } else {
                format!("{} of {}", self.rejected.len(), counted(taken))
            };
            let said = said.map_or_else(String::new, |said| format!(" {said}"));
            return (status, format!("Rejected {which}; the first: {}.{said}", first.reason.trim_end_matches('.')));
        }
        let plain = || format!("{action} took {} and passed on {}.", counted(taken), self.records.len());
        match self.severity {
            Some(Severity::Warning) => (Status::Warning, said.unwrap_or_else(plain)),
            Some(Severity::Info) => (Status::Info, said.unwrap_or_else(|| "There was nothing to do.".to_owned())),
            _ => (Status::Success, said.unwrap_or_else(plain)),
        }
    }
}

/// `1 record`, `5 records`.
pub(crate) fn counted(count: usize) -> String {
    if count == 1 { "1 record".to_owned() } else { format!("{count} records") }
}
