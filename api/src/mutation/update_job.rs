//! `updateJob`.

use async_graphql::{Context, InputObject, SimpleObject};
use serde_json::Value;

use super::save_job::{no_job, refused};
use super::to_the_end;
use super::user_error::{UserError, UserErrorCode};
use crate::objects::job::Job;
use crate::objects::{Result, access, engine};

/// What `updateJob` is given.
#[derive(InputObject)]
pub(crate) struct UpdateJobInput {
    /// Key of the job.
    key: String,
    /// A JSON object with the fields that change, in the shape of the job file. Each replaces the whole field:
    /// `lines` replaces all lines. A null removes the field, so that its default applies. Fields that are not
    /// named stay. `key` cannot change.
    changes: Value,
    /// The version that was edited. Without it, the newest version is changed.
    edits: Option<u32>,
}

/// What `updateJob` answers.
#[derive(SimpleObject, Default)]
pub(crate) struct UpdateJobPayload {
    /// The new version, or the newest one if the changes make no difference; null if they were refused.
    job: Option<Job>,
    /// After a `CONFLICT`: the version that somebody else saved meanwhile.
    newest: Option<Job>,
    /// Why the changes were refused: every fault at once, each with its path in the job; empty if the job was
    /// saved.
    user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: UpdateJobInput) -> Result<UpdateJobPayload> {
    let (engine, access) = (engine(context).clone(), access(context).clone());
    let UpdateJobInput { key, changes, edits } = input;
    let Value::Object(changes) = changes else {
        let message = "Changes are a JSON object, such as {\"name\": \"New name\"}.";
        let user_errors = vec![UserError::at(UserErrorCode::Invalid, "changes", message)];
        return Ok(UpdateJobPayload { user_errors, ..Default::default() });
    };
    let absent = no_job(&key);
    let update = async move { engine.update_job(&access, &key, &changes, edits).await };
    match to_the_end(update).await? {
        Ok(saved) => Ok(UpdateJobPayload { job: Some(Job::of(context, saved)), ..Default::default() }),
        Err(error) => {
            let (newest, user_errors) = refused(context, error, absent)?;
            Ok(UpdateJobPayload { job: None, newest, user_errors })
        }
    }
}
