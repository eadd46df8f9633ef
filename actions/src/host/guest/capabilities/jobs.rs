//! `ropewalk:host/jobs`: starts other jobs of the organization.

use ::engine::model::effect::Effect;
use ::engine::model::grant::Capability;
use ::engine::model::text::printable;
use ::engine::ports::host_calls::{Ended as Outcome, JobStart as Start};
use serde_json::{Value, json};
use wasmtime::component::{HasData, Linker};

use super::parse_json;
use crate::host::contract::jobs::{self, Ended, Error, Host, JobStart};
use crate::host::effects::{Effects, Refused};
use crate::host::guest::Guest;

/// The id that a guest gets for a job result that a dry run does not create.
const DRY_RUN: &str = "dry-run";

pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    jobs::add_to_linker::<_, Jobs>(linker, |guest| &*guest.effects)
}

struct Jobs;

impl HasData for Jobs {
    type Data<'a> = &'a Effects;
}

impl Host for &Effects {
    async fn start(&mut self, start: JobStart) -> wasmtime::Result<Result<String, Error>> {
        self.count()?;
        Ok(start_job(self, start, false).await.map_err(to_wit_error))
    }

    async fn start_awaited(&mut self, start: JobStart) -> wasmtime::Result<Result<String, Error>> {
        self.count()?;
        Ok(start_job(self, start, true).await.map_err(to_wit_error))
    }

    async fn wait(&mut self, records: bool) -> wasmtime::Result<Result<Option<Vec<Ended>>, Error>> {
        self.count()?;
        Ok(read_outcomes(self, records).await.map_err(to_wit_error))
    }
}

fn to_wit_error(refused: Refused) -> Error {
    match refused {
        Refused::Denied(message) => Error::Denied(message),
        Refused::Invalid(message) => Error::Invalid(message),
        Refused::Unavailable(message) => Error::Unavailable(message),
    }
}

async fn read_outcomes(effects: &Effects, records: bool) -> Result<Option<Vec<Ended>>, Refused> {
    let outcomes = effects.host_calls()?.outcomes(effects.batch(), records).await;
    let outcomes = outcomes.map_err(|error| effects.refuse(error))?;
    let ended = |outcome: Outcome| Ended {
        id: outcome.id,
        job: outcome.job,
        status: outcome.status.word().to_owned(),
        message: outcome.message,
        records: outcome.records.map(|records| Value::Array(records).to_string()),
    };
    Ok(outcomes.map(|all| all.into_iter().map(ended).collect()))
}

async fn start_job(effects: &Effects, start: JobStart, awaited: bool) -> Result<String, Refused> {
    let host_calls = effects.host_calls()?;
    let call = effects.next_change();
    let start = read_start(effects, start)?;
    let (job, records) = (start.job.clone(), start.records.as_ref().map(Vec::len));
    let under_way = effects.begin(describe_unfinished(&job, !effects.caller().dry_run));
    let started = host_calls.start(start, call, awaited).await;
    effects.end(under_way, started.as_ref().ok().map(|id| describe_started(&job, records, id.as_deref())));
    let id = started.map_err(|error| effects.refuse(error))?;
    Ok(id.unwrap_or_else(|| DRY_RUN.to_owned()))
}

fn read_start(effects: &Effects, start: JobStart) -> Result<Start, Refused> {
    let Value::Object(arguments) = parse_json(effects, "arguments are", &start.arguments)? else {
        return Err(Refused::Invalid("The arguments are not a JSON object.".to_owned()));
    };
    let records = start.records.as_deref().map(|text| parse_json(effects, "records are", text)).transpose()?;
    let records = match records {
        None => None,
        Some(Value::Array(records)) if records.iter().all(Value::is_object) => Some(records),
        Some(_) => return Err(Refused::Invalid("The records are not a JSON array of objects.".to_owned())),
    };
    Ok(Start { job: start.job, arguments, records, title: start.title.as_deref().map(printable) })
}

fn describe_unfinished(job: &str, done: bool) -> Effect {
    let summary = format!("Start {job}: the line ended before the start was confirmed");
    Effect { capability: Capability::Jobs, done, summary, detail: json!({"job": job}) }
}

fn describe_started(job: &str, records: Option<usize>, id: Option<&str>) -> Effect {
    let with = records.map(|records| format!(" with {records} records")).unwrap_or_default();
    let summary = match id {
        Some(id) => format!("Started {job}{with}: result {id}"),
        None => format!("Start {job}{with}: not started, since this is a dry run"),
    };
    let detail = json!({"job": job, "records": records, "result": id});
    Effect { capability: Capability::Jobs, done: id.is_some(), summary, detail }
}
