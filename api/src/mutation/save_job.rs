//! `saveJob`.

use async_graphql::{Context, InputObject, SimpleObject};
use engine::model::refusal::RefusalCode;
use engine::node::service_error::ServiceError;
use serde_json::Value;

use crate::objects::job::Job;
use crate::resolver::{Result, access, engine, scope, to_the_end};
use crate::user_error::{UserError, user_errors};

/// Input of `saveJob`.
#[derive(InputObject)]
pub(crate) struct SaveJobInput {
    /// The job, as in a job file. Its `key` names the job.
    document: Value,
    /// The version that was edited: 0 for a job that must be new. Without it, the job is saved after any version.
    edits: Option<u32>,
}

/// Payload of `saveJob`.
#[derive(SimpleObject, Default)]
pub(crate) struct SaveJobPayload {
    /// The new version; null if it was refused.
    job: Option<Job>,
    /// The version that somebody else saved meanwhile, after a `CONFLICT`.
    newest: Option<Job>,
    /// All faults; empty if it was saved.
    pub(super) user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: SaveJobInput) -> Result<SaveJobPayload> {
    let (jobs, access) = (engine(context).jobs(), access(context).clone());
    let key = input.document["key"].as_str().map(str::to_owned);
    let save = async move { jobs.save(&access, input.document, input.edits).await };
    let error = match to_the_end(save).await? {
        Ok(saved) => return Ok(SaveJobPayload { job: Some(Job::of(context, saved)), ..Default::default() }),
        Err(error) => error,
    };
    let newest = newest(context, key.as_deref(), &error).await?;
    Ok(SaveJobPayload { job: None, newest, user_errors: user_errors(error)? })
}

/// The newest version of a job, after a conflict.
pub(super) async fn newest(context: &Context<'_>, key: Option<&str>, error: &ServiceError) -> Result<Option<Job>> {
    let key = key.filter(|_| error.code() == Some(RefusalCode::Conflict));
    let Some(key) = key else { return Ok(None) };
    let newest = engine(context).jobs().find(scope(context), key, None).await?;
    Ok(newest.map(|newest| Job::of(context, newest)))
}
