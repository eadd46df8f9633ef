//! `ropewalk:host/jobs`: starting other jobs of the organization.

use ::engine::model::effect::Effect;
use ::engine::model::grant::Capability;
use ::engine::model::text::printable;
use ::engine::ports::reach::{Ended as Outcome, JobStart as Start};
use serde_json::{Value, json};
use values::json::{Bounds, parse};
use wasmtime::component::{HasData, Linker};

use crate::host::contract::jobs::{self, Ended, Error, Host, JobStart};
use crate::host::guest::Guest;
use crate::host::heavy::heavy;
use crate::host::outside::{Outside, Refused};

/// The id of a result that a dry run does not make.
const DRY_RUN: &str = "dry-run";

pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    jobs::add_to_linker::<_, Jobs>(linker, |guest| &*guest.outside)
}

struct Jobs;

impl HasData for Jobs {
    type Data<'a> = &'a Outside;
}

impl Host for &Outside {
    async fn start(&mut self, start: JobStart) -> wasmtime::Result<Result<String, Error>> {
        self.count()?;
        Ok(started(self, start, false).await.map_err(error))
    }

    async fn start_awaited(&mut self, start: JobStart) -> wasmtime::Result<Result<String, Error>> {
        self.count()?;
        Ok(started(self, start, true).await.map_err(error))
    }

    async fn wait(&mut self, records: bool) -> wasmtime::Result<Result<Option<Vec<Ended>>, Error>> {
        self.count()?;
        Ok(outcomes(self, records).await.map_err(error))
    }
}

fn error(refused: Refused) -> Error {
    match refused {
        Refused::Denied(message) => Error::Denied(message),
        Refused::Invalid(message) => Error::Invalid(message),
        Refused::Unavailable(message) => Error::Unavailable(message),
    }
}

async fn outcomes(outside: &Outside, records: bool) -> Result<Option<Vec<Ended>>, Refused> {
    let outcomes = outside.reach()?.outcomes(outside.batch(), records).await;
    let outcomes = outcomes.map_err(|error| outside.refused(error))?;
    let ended = |one: Outcome| Ended {
        id: one.id,
        job: one.job,
        status: one.status.word().to_owned(),
        message: one.message,
        records: one.records.map(|records| Value::Array(records).to_string()),
    };
    Ok(outcomes.map(|all| all.into_iter().map(ended).collect()))
}

async fn started(outside: &Outside, start: JobStart, awaited: bool) -> Result<String, Refused> {
    let reach = outside.reach()?;
    let call = outside.change();
    let start = read(outside, start)?;
    let (job, records) = (start.job.clone(), start.records.as_ref().map(Vec::len));
    let under_way = outside.begin(unfinished(&job, !outside.caller().dry_run));
    let started = reach.start(start, call, awaited).await;
    outside.end(under_way, started.as_ref().ok().map(|id| effect(&job, records, id.as_deref())));
    let id = started.map_err(|error| outside.refused(error))?;
    Ok(id.unwrap_or_else(|| DRY_RUN.to_owned()))
}

fn read(outside: &Outside, start: JobStart) -> Result<Start, Refused> {
    let bounds = Bounds { bytes: outside.limits().output, ..Bounds::default() };
    let json = |what: &str, text: &str| {
        let parsed = heavy(text.len(), || parse(text.as_bytes(), bounds));
        parsed.map_err(|fault| Refused::Invalid(format!("The {what} are not JSON: {fault}")))
    };
    let Value::Object(arguments) = json("arguments", &start.arguments)? else {
        return Err(Refused::Invalid("The arguments are not a JSON object.".to_owned()));
    };
    let records = match start.records.as_deref().map(|text| json("records", text)).transpose()? {
        None => None,
        Some(Value::Array(records)) if records.iter().all(Value::is_object) => Some(records),
        Some(_) => return Err(Refused::Invalid("The records are not a JSON array of objects.".to_owned())),
    };
    Ok(Start { job: start.job, arguments, records, title: start.title.as_deref().map(printable) })
}

fn unfinished(job: &str, done: bool) -> Effect {
    let summary = format!("Start {job}: the line ended before it was answered");
    Effect { capability: Capability::Jobs, done, summary, detail: json!({"job": job}) }
}

fn effect(job: &str, records: Option<usize>, id: Option<&str>) -> Effect {
    let with = records.map(|records| format!(" with {records} records")).unwrap_or_default();
    let summary = match id {
        Some(id) => format!("Started {job}{with}: result {id}"),
        None => format!("Start {job}{with}: not started, since this is a dry run"),
    };
    let detail = json!({"job": job, "records": records, "result": id});
    Effect { capability: Capability::Jobs, done: id.is_some(), summary, detail }
}
