//! `killJobResults`.

use async_graphql::{Context, InputObject, SimpleObject};
use engine::execution::kill::KillAll;

use crate::objects::status::Status;
use crate::resolver::{Result, access, engine, to_the_end};
use crate::user_error::{UserError, user_errors};

/// Input of `killJobResults`.
#[derive(InputObject)]
pub(crate) struct KillJobResultsInput {
    /// Key of the job whose results are killed; default: all jobs of the organization.
    job: Option<String>,
    /// Only results that are `PENDING` or only those that are `RUNNING`; default: both.
    status: Option<Status>,
    /// The reason, which the job results keep.
    reason: Option<String>,
}

/// Payload of `killJobResults`.
#[derive(SimpleObject)]
pub(crate) struct KillJobResultsPayload {
    /// How many job results were killed: at most 1,000.
    killed: u32,
    /// Whether none is left. If false, call the mutation again.
    complete: bool,
    /// Why no result was killed; empty if nothing was wrong.
    pub(super) user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: KillJobResultsInput) -> Result<KillJobResultsPayload> {
    let status = input.status.map(engine::model::status::Status::from);
    let all = KillAll { job: input.job, status, reason: input.reason };
    let (results, access) = (engine(context).results(), access(context).clone());
    Ok(match to_the_end(async move { results.kill_all(&access, &all).await }).await? {
        Ok((killed, complete)) => KillJobResultsPayload { killed, complete, user_errors: Vec::new() },
        Err(error) => KillJobResultsPayload { killed: 0, complete: false, user_errors: user_errors(error)? },
    })
}
