//! `killJobResults`.

use async_graphql::{Context, InputObject, SimpleObject};
use engine::runtime::kill::KillAll;

use super::to_the_end;
use super::user_error::{UserError, UserErrorCode};
use crate::objects::status::Status;
use crate::objects::{Result, access, engine};

/// What `killJobResults` is given.
#[derive(InputObject)]
pub(crate) struct KillJobResultsInput {
    /// Key of the job whose results are killed; without it, those of all jobs of the organization.
    job: Option<String>,
    /// Only those that are `PENDING`, or only those that are `RUNNING`; both, if it is left out.
    status: Option<Status>,
    /// Why, for people who look at them later.
    reason: Option<String>,
}

/// What `killJobResults` answers.
#[derive(SimpleObject)]
pub(crate) struct KillJobResultsPayload {
    /// How many job results were killed: at most 1,000 at once.
    killed: u32,
    /// Whether none is left; if not, call it again.
    complete: bool,
    /// Why none was killed; empty if nothing was wrong.
    user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: KillJobResultsInput) -> Result<KillJobResultsPayload> {
    let status = input.status.map(engine::model::status::Status::from);
    if status.is_some_and(|status| status.is_final()) {
        let told = "What has ended cannot be killed; give PENDING or RUNNING, or leave it out.";
        let user_errors = vec![UserError::at(UserErrorCode::Invalid, "status", told)];
        return Ok(KillJobResultsPayload { killed: 0, complete: false, user_errors });
    }
    let (killer, access) = (engine(context).clone(), access(context).clone());
    let all = KillAll { job: input.job, status, reason: input.reason };
    if let Some(job) = &all.job
        && killer.jobs.find(access.scope(), job, None).await?.is_none()
    {
        let told = format!("There is no job `{job}` in this organization.");
        let user_errors = vec![UserError::at(UserErrorCode::NotFound, "job", told)];
        return Ok(KillJobResultsPayload { killed: 0, complete: false, user_errors });
    }
    let (killed, complete) = to_the_end(async move { killer.kill_all(&access, &all).await }).await??;
    Ok(KillJobResultsPayload { killed, complete, user_errors: Vec::new() })
}
