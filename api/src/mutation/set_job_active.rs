//! `setJobActive`.

use async_graphql::{Context, InputObject, SimpleObject};

use crate::objects::job::Job;
use crate::resolver::{Result, access, engine, to_the_end};
use crate::user_error::{UserError, user_errors};

/// Input of `setJobActive`.
#[derive(InputObject)]
pub(crate) struct SetJobActiveInput {
    /// Key of the job.
    key: String,
    /// Whether the job may start by itself.
    active: bool,
}

/// Payload of `setJobActive`.
#[derive(SimpleObject)]
pub(crate) struct SetJobActivePayload {
    /// The new version, or the newest one if nothing changed; null if the change was refused.
    job: Option<Job>,
    /// Why the change was refused; empty if it was not.
    pub(super) user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: SetJobActiveInput) -> Result<SetJobActivePayload> {
    let (jobs, access) = (engine(context).jobs(), access(context).clone());
    Ok(match to_the_end(async move { jobs.set_active(&access, &input.key, input.active).await }).await? {
        Ok(saved) => SetJobActivePayload { job: Some(Job::of(context, saved)), user_errors: Vec::new() },
        Err(error) => SetJobActivePayload { job: None, user_errors: user_errors(error)? },
    })
}
