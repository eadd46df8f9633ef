//! `runJob` and `dryRunJob`.

use async_graphql::{Context, InputObject, SimpleObject};
use engine::runtime::start::{Start, StartError};
use serde_json::{Map, Value};

use super::to_the_end;
use super::user_error::{UserError, UserErrorCode};
use crate::objects::job_result::JobResult;
use crate::objects::moment::Moment;
use crate::objects::{Result, access, engine};

/// What `runJob` and `dryRunJob` are given.
#[derive(InputObject)]
pub(crate) struct RunJobInput {
    /// Key of the job.
    job: String,
    /// Arguments: a JSON object that fits the job's `arguments`. Defaults are filled in.
    arguments: Option<Value>,
    /// The records that the first line gets: JSON objects.
    records: Option<Vec<Value>>,
    /// What to call the result.
    title: Option<String>,
    /// Stands for the start of the job's last full success.
    since: Option<Moment>,
}

/// What `runJob` and `dryRunJob` answer.
#[derive(SimpleObject)]
pub(crate) struct RunJobPayload {
    /// The new job result, pending; null if the start was refused.
    job_result: Option<JobResult>,
    /// Why it was refused; empty if it was started.
    user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: RunJobInput, dry_run: bool) -> Result<RunJobPayload> {
    let start = match read(input) {
        Ok(start) => Start { dry_run, ..start },
        Err(error) => return Ok(refused(vec![error])),
    };
    let (engine, access) = (engine(context).clone(), access(context).clone());
    match to_the_end(async move { engine.start(&access, start).await }).await? {
        Ok(result) => Ok(RunJobPayload { job_result: Some(JobResult::of(result)), user_errors: Vec::new() }),
        Err(StartError::UnknownJob(key)) => {
            let message = format!("There is no job `{key}` in this organization.");
            Ok(refused(vec![UserError::at(UserErrorCode::NotFound, "job", message)]))
        }
        Err(conflict @ StartError::Conflict(_)) => {
            let message = format!("{conflict}.");
            Ok(refused(vec![UserError::at(UserErrorCode::Conflict, "idempotencyKey", message)]))
        }
        Err(StartError::Faults(faults)) => Ok(refused(UserError::of_faults(faults))),
        Err(StartError::Store(error)) => Err(error.into()),
    }
}

fn read(input: RunJobInput) -> Result<Start, UserError> {
    let arguments = match input.arguments {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(arguments)) => arguments,
        Some(_) => return Err(UserError::at(UserErrorCode::Invalid, "arguments", "Arguments are a JSON object.")),
    };
    let since = input.since.map(|since| since.0);
    Ok(Start { job: input.job, arguments, records: input.records, title: input.title, since, ..Start::default() })
}

fn refused(user_errors: Vec<UserError>) -> RunJobPayload {
    RunJobPayload { job_result: None, user_errors }
}
