//! `killJobResult`.

use async_graphql::{Context, ID, InputObject, SimpleObject};

use engine::model::refusal::RefusalCode;

use crate::objects::global_id::result_id;
use crate::objects::job_result::JobResult;
use crate::resolver::{Result, access, engine, scope, to_the_end};
use crate::user_error::{UserError, UserErrorCode, user_errors};

/// Input of `killJobResult`.
#[derive(InputObject)]
pub(crate) struct KillJobResultInput {
    /// Global id or UUID of the job result.
    id: ID,
    /// The reason, which the job result keeps.
    reason: Option<String>,
}

/// Payload of `killJobResult`.
#[derive(SimpleObject)]
pub(crate) struct KillJobResultPayload {
    /// The job result after the kill; null if it does not exist.
    job_result: Option<JobResult>,
    /// Why it was not killed; empty if it was.
    pub(super) user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: KillJobResultInput) -> Result<KillJobResultPayload> {
    let Some(id) = result_id(&input.id) else {
        let error = UserError::at(UserErrorCode::NotFound, "id", "There is no such job result in this organization.");
        return Ok(KillJobResultPayload { job_result: None, user_errors: vec![error] });
    };
    let (results, access) = (engine(context).results(), access(context).clone());
    let kill = async move { results.kill(&access, id, input.reason.as_deref()).await };
    let error = match to_the_end(kill).await? {
        Ok(result) => {
            return Ok(KillJobResultPayload { job_result: Some(JobResult::of(result)), user_errors: Vec::new() });
        }
        Err(error) => error,
    };
    let job_result = match error.code() {
        Some(RefusalCode::AlreadyFinished) => engine(context).results().find(scope(context), id).await?,
        _ => None,
    };
    Ok(KillJobResultPayload { job_result: job_result.map(JobResult::of), user_errors: user_errors(error)? })
}
