//! `updateJob`.

use async_graphql::{Context, InputObject, SimpleObject};
use serde_json::Value;

use super::save_job::newest;
use crate::objects::job::Job;
use crate::resolver::{Result, access, engine, to_the_end};
use crate::user_error::{UserError, UserErrorCode, user_errors};

/// Input of `updateJob`.
#[derive(InputObject)]
pub(crate) struct UpdateJobInput {
    /// Key of the job.
    key: String,
    /// A JSON object with the fields that change, as in a job file. Each value replaces the whole field: `lines`
    /// replaces all lines. Null removes a field, so that its default applies. Other fields stay. `key` cannot change.
    changes: Value,
    /// The version that was edited. Without it, the newest version is changed.
    edits: Option<u32>,
}

/// Payload of `updateJob`.
#[derive(SimpleObject, Default)]
pub(crate) struct UpdateJobPayload {
    /// The new version, or the newest one if nothing changed; null if the changes were refused.
    job: Option<Job>,
    /// The version that somebody else saved meanwhile, after a `CONFLICT`.
    newest: Option<Job>,
    /// All faults, each with its path in the job; empty if the job was saved.
    pub(super) user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: UpdateJobInput) -> Result<UpdateJobPayload> {
    let (jobs, access) = (engine(context).jobs(), access(context).clone());
    let UpdateJobInput { key, changes, edits } = input;
    let Value::Object(changes) = changes else {
        let message = "Changes must be a JSON object, such as {\"name\": \"New name\"}.";
        let user_errors = vec![UserError::at(UserErrorCode::Invalid, "changes", message)];
        return Ok(UpdateJobPayload { user_errors, ..Default::default() });
    };
    let changed = key.clone();
    let error = match to_the_end(async move { jobs.update(&access, &changed, &changes, edits).await }).await? {
        Ok(saved) => return Ok(UpdateJobPayload { job: Some(Job::of(context, saved)), ..Default::default() }),
        Err(error) => error,
    };
    let newest = newest(context, Some(&key), &error).await?;
    Ok(UpdateJobPayload { job: None, newest, user_errors: user_errors(error)? })
}
