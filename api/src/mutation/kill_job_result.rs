//! `killJobResult`.

use async_graphql::{Context, ID, InputObject, SimpleObject};
use engine::model::status::Status;
use engine::ports::results::KillError;

use super::to_the_end;
use super::user_error::{UserError, UserErrorCode};
use crate::objects::global_id::result_id;
use crate::objects::job_result::JobResult;
use crate::objects::{Result, access, engine, scope};

/// What `killJobResult` is given.
#[derive(InputObject)]
pub(crate) struct KillJobResultInput {
    /// Global id of the job result, or its bare UUID.
    id: ID,
    /// Why, for whoever looks at it later.
    reason: Option<String>,
}

/// What `killJobResult` answers.
#[derive(SimpleObject)]
pub(crate) struct KillJobResultPayload {
    /// The job result as it stands now; null if there is none.
    job_result: Option<JobResult>,
    /// Why it was not killed; empty if it was.
    user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: KillJobResultInput) -> Result<KillJobResultPayload> {
    let Some(id) = result_id(&input.id) else { return Ok(absent()) };
    let (killer, access) = (engine(context).clone(), access(context).clone());
    let kill = async move { killer.kill(&access, id, input.reason.as_deref()).await };
    match to_the_end(kill).await? {
        Ok(result) => Ok(KillJobResultPayload { job_result: Some(JobResult::of(result)), user_errors: Vec::new() }),
        Err(KillError::Absent) => Ok(absent()),
        Err(KillError::Ended(status)) => {
            let result = engine(context).results.find(scope(context), id).await?;
            Ok(KillJobResultPayload { job_result: result.map(JobResult::of), user_errors: vec![ended(status)] })
        }
        Err(KillError::Store(error)) => Err(error.into()),
    }
}

fn absent() -> KillJobResultPayload {
    let error = UserError::at(UserErrorCode::NotFound, "id", "There is no such job result in this organization.");
    KillJobResultPayload { job_result: None, user_errors: vec![error] }
}

fn ended(status: Status) -> UserError {
    let message = format!("The job result had already ended as `{status}`; what has ended never changes.");
    UserError::at(UserErrorCode::AlreadyFinished, "id", message)
}
