//! `setJobActive`.

use async_graphql::{Context, InputObject, SimpleObject};

use super::save_job::{no_job, refused};
use super::to_the_end;
use super::user_error::UserError;
use crate::objects::job::Job;
use crate::objects::{Result, access, engine};

/// What `setJobActive` is given.
#[derive(InputObject)]
pub(crate) struct SetJobActiveInput {
    /// Key of the job.
    key: String,
    /// Whether the job may start by itself.
    active: bool,
}

/// What `setJobActive` answers.
#[derive(SimpleObject)]
pub(crate) struct SetJobActivePayload {
    /// The new version, or the newest one if it is already so; null if the change was refused.
    job: Option<Job>,
    /// Why the change was refused; empty if the job is as wanted.
    user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: SetJobActiveInput) -> Result<SetJobActivePayload> {
    let (engine, access) = (engine(context).clone(), access(context).clone());
    let SetJobActiveInput { key, active } = input;
    let absent = no_job(&key);
    match to_the_end(async move { engine.set_job_active(&access, &key, active).await }).await? {
        Ok(saved) => Ok(SetJobActivePayload { job: Some(Job::of(context, saved)), user_errors: Vec::new() }),
        Err(error) => Ok(SetJobActivePayload { job: None, user_errors: refused(context, error, absent)?.1 }),
    }
}
