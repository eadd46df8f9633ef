//! `runJob` and `dryRunJob`.

use async_graphql::{Context, InputObject, SimpleObject};
use engine::execution::start::Start;
use serde_json::{Map, Value};

use crate::objects::job_result::JobResult;
use crate::objects::moment::Moment;
use crate::objects::status::Overlap;
use crate::resolver::{Result, access, engine, to_the_end};
use crate::user_error::{UserError, UserErrorCode, user_errors};

/// Input of `runJob` and `dryRunJob`, and of each start of `runJobs`.
#[derive(InputObject)]
pub(crate) struct RunJobInput {
    /// Key of the job.
    job: String,
    /// Arguments: a JSON object that fits the `arguments` of the job. Defaults are added.
    arguments: Option<Value>,
    /// Records for the first line: JSON objects.
    records: Option<Vec<Value>>,
    /// Title of the result.
    title: Option<String>,
    /// Value of `since`, instead of the start of the last full success of the job.
    since: Option<Moment>,
    /// Key of the queue, instead of that of the job.
    queue: Option<String>,
    /// Priority in the queue, instead of that of the job: -1000 to 1000; higher ones run first.
    priority: Option<i32>,
    /// What to do if an earlier result of the job has not ended, instead of the rule of the job.
    overlap: Option<Overlap>,
    /// Key of this start, 1 to 200 bytes, unique in the organization as long as its result is kept. A second start with
    /// the same key returns the first result; if its input differs, it is a `CONFLICT`.
    idempotency_key: Option<String>,
}

/// Payload of `runJob` and `dryRunJob`, and of each start of `runJobs`.
#[derive(SimpleObject)]
pub(crate) struct RunJobPayload {
    /// The new job result, or the first one with the same `idempotencyKey`; null if the start was refused.
    job_result: Option<JobResult>,
    /// Why it was refused; empty if it was started.
    pub(super) user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: RunJobInput, dry_run: bool) -> Result<RunJobPayload> {
    let start = match read(input) {
        Ok(start) => Start { dry_run, ..start },
        Err(error) => return Ok(RunJobPayload::refused(vec![error])),
    };
    let (jobs, access) = (engine(context).jobs(), access(context).clone());
    Ok(match to_the_end(async move { jobs.start(&access, start).await }).await? {
        Ok(result) => RunJobPayload::started(result),
        Err(error) => RunJobPayload::refused(user_errors(error)?),
    })
}

impl RunJobPayload {
    pub(super) fn started(result: engine::model::result::JobResult) -> Self {
        Self { job_result: Some(JobResult::of(result)), user_errors: Vec::new() }
    }

    pub(super) fn refused(user_errors: Vec<UserError>) -> Self {
        Self { job_result: None, user_errors }
    }
}

pub(super) fn read(input: RunJobInput) -> Result<Start, UserError> {
    let arguments = match input.arguments {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(arguments)) => arguments,
        Some(_) => return Err(UserError::at(UserErrorCode::Invalid, "arguments", "Arguments must be a JSON object.")),
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
