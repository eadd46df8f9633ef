//! `runJob` and `dryRunJob`.

use async_graphql::{Context, InputObject, SimpleObject};
use engine::runtime::start::{Start, StartError};
use serde_json::{Map, Value};

use super::to_the_end;
use super::user_error::{UserError, UserErrorCode};
use crate::objects::job_result::JobResult;
use crate::objects::moment::Moment;
use crate::objects::status::Overlap;
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
    /// Key of the queue to wait in, instead of the job's.
    queue: Option<String>,
    /// Instead of the job's priority: -1000 to 1000; higher comes first in the queue.
    priority: Option<i32>,
    /// Instead of the job's rule for a start while an earlier result has not ended.
    overlap: Option<Overlap>,
    /// Names this start, 1 to 200 bytes, unique in the organization for as long as its result is kept: a second one
    /// with the same key is answered with the first one's result, and is a `CONFLICT` if it asks
    /// for something else.
    idempotency_key: Option<String>,
}

/// What `runJob` and `dryRunJob` answer.
#[derive(SimpleObject)]
pub(crate) struct RunJobPayload {
    /// The new job result, or that of the first start with the same `idempotencyKey`; null if the
    /// start was refused.
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
        Err(by_itself @ (StartError::Inactive(_) | StartError::TooDeep)) => {
            let message = format!("{by_itself}.");
            Ok(refused(vec![UserError::at(UserErrorCode::Invalid, "job", message)]))
        }
        Err(StartError::Quota(reached)) => Ok(refused(vec![UserError::of_quota(&reached)])),
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
    Ok(Start {
        job: input.job,
        arguments,
        records: input.records,
        title: input.title,
        since: input.since.map(|since| since.0),
        queue: input.queue,
        priority: input.priority,
        overlap: input.overlap.map(Into::into),
        idempotency_key: input.idempotency_key,
        ..Start::default()
    })
}

fn refused(user_errors: Vec<UserError>) -> RunJobPayload {
    RunJobPayload { job_result: None, user_errors }
}
