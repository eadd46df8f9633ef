//! `retryJobResult`.

use async_graphql::{Context, ID, InputObject, SimpleObject};
use engine::runtime::retry::{Retry, RetryError};

use super::to_the_end;
use super::user_error::{UserError, UserErrorCode};
use crate::objects::global_id::result_id;
use crate::objects::job_result::JobResult;
use crate::objects::status::RetryMode;
use crate::objects::{Result, access, engine};

/// What `retryJobResult` is given.
#[derive(InputObject)]
pub(crate) struct RetryJobResultInput {
    /// Global id of the job result, or its bare UUID. It has ended.
    job_result: ID,
    /// What of it; `FAILED_LINE` if nothing is given.
    mode: Option<RetryMode>,
    /// Whether dates mean the present, instead of the old result's clock reading. False if
    /// nothing is given.
    today: Option<bool>,
    /// Whether the newest version of the job is run, instead of the old result's. False if
    /// nothing is given.
    newest_version: Option<bool>,
}

/// What `retryJobResult` answers.
#[derive(SimpleObject)]
pub(crate) struct RetryJobResultPayload {
    /// The new job result, which names the old one as `retryOf`; null if it was refused.
    job_result: Option<JobResult>,
    /// Why it was refused; empty if it was started.
    user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: RetryJobResultInput) -> Result<RetryJobResultPayload> {
    let Some(id) = result_id(&input.job_result) else { return Ok(refused(vec![absent()])) };
    let retry = Retry {
        mode: input.mode.map(Into::into).unwrap_or_default(),
        today: input.today.unwrap_or(false),
        newest: input.newest_version.unwrap_or(false),
    };
    let (engine, access) = (engine(context).clone(), access(context).clone());
    let error = match to_the_end(async move { engine.retry(&access, id, retry).await }).await? {
        Ok(result) => {
            return Ok(RetryJobResultPayload { job_result: Some(JobResult::of(result)), user_errors: Vec::new() });
        }
        Err(error) => error,
    };
    let invalid = |message| vec![UserError::at(UserErrorCode::Invalid, "jobResult", message)];
    Ok(refused(match error {
        RetryError::Absent => vec![absent()],
        RetryError::Open(status) => invalid(format!(
            "The job result is {status}; it can be tried again when it has ended. Wait for it, or kill it first."
        )),
        RetryError::Nothing(message) => invalid(message),
        RetryError::Faults(faults) => UserError::of_faults(faults),
        RetryError::Quota(reached) => vec![UserError::of_quota(&reached)],
        RetryError::Store(error) => return Err(error.into()),
    }))
}

fn absent() -> UserError {
    UserError::at(UserErrorCode::NotFound, "jobResult", "There is no such job result in this organization.")
}

fn refused(user_errors: Vec<UserError>) -> RetryJobResultPayload {
    RetryJobResultPayload { job_result: None, user_errors }
}
