//! `retryJobResult`.

use async_graphql::{Context, ID, InputObject, SimpleObject};
use engine::execution::retry::Retry;

use crate::objects::global_id::result_id;
use crate::objects::job_result::JobResult;
use crate::objects::status::RetryMode;
use crate::resolver::{Result, access, engine, to_the_end};
use crate::user_error::{UserError, UserErrorCode, user_errors};

/// Input of `retryJobResult`.
#[derive(InputObject)]
pub(crate) struct RetryJobResultInput {
    /// Global id or UUID of the job result, which has ended.
    job_result: ID,
    /// Which part of it is retried; default: `FAILED_LINE`.
    mode: Option<RetryMode>,
    /// Whether dates are computed from the present, instead of from the `now` of the old result. Default: false.
    today: Option<bool>,
    /// Whether the newest version of the job runs, instead of that of the old result. Default: false.
    newest_version: Option<bool>,
}

/// Payload of `retryJobResult`.
#[derive(SimpleObject)]
pub(crate) struct RetryJobResultPayload {
    /// The new job result, with the old one as `retryOf`; null if it was refused.
    job_result: Option<JobResult>,
    /// Why it was refused; empty if it was started.
    pub(super) user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: RetryJobResultInput) -> Result<RetryJobResultPayload> {
    let Some(id) = result_id(&input.job_result) else {
        let message = "There is no such job result in this organization.";
        let error = UserError::at(UserErrorCode::NotFound, "jobResult", message);
        return Ok(RetryJobResultPayload { job_result: None, user_errors: vec![error] });
    };
    let retry = Retry {
        mode: input.mode.map(Into::into).unwrap_or_default(),
        today: input.today.unwrap_or(false),
        newest: input.newest_version.unwrap_or(false),
    };
    let (results, access) = (engine(context).results(), access(context).clone());
    Ok(match to_the_end(async move { results.retry(&access, id, retry).await }).await? {
        Ok(result) => RetryJobResultPayload { job_result: Some(JobResult::of(result)), user_errors: Vec::new() },
        Err(error) => RetryJobResultPayload { job_result: None, user_errors: user_errors(error)? },
    })
}
