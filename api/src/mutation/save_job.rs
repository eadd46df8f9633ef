//! `saveJob`.

use async_graphql::{Context, InputObject, SimpleObject};
use engine::runtime::jobs::SaveJobError;
use serde_json::Value;

use super::to_the_end;
use super::user_error::{UserError, UserErrorCode};
use crate::objects::job::Job;
use crate::objects::{Result, access, engine};

/// What `saveJob` is given.
#[derive(InputObject)]
pub(crate) struct SaveJobInput {
    /// The job, in the shape of the job file. Its `key` says which job it is.
    document: Value,
    /// The version that was edited: 0 for a job that must be new. Without it, the job is
    /// saved on top of whatever is there.
    edits: Option<u32>,
}

/// What `saveJob` answers.
#[derive(SimpleObject, Default)]
pub(crate) struct SaveJobPayload {
    /// The new version; null if it was refused.
    job: Option<Job>,
    /// After a `CONFLICT`: the version that somebody else saved meanwhile.
    newest: Option<Job>,
    /// Why it was refused: every fault at once; empty if it was saved.
    user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: SaveJobInput) -> Result<SaveJobPayload> {
    let (engine, access) = (engine(context).clone(), access(context).clone());
    let save = async move { engine.save_job(&access, input.document, input.edits).await };
    let error = match to_the_end(save).await? {
        Ok(saved) => return Ok(SaveJobPayload { job: Some(Job::of(context, saved)), ..Default::default() }),
        Err(error) => error,
    };
    let message = "There is no job with this key; leave `edits` out, or give 0, to save it as a new one.";
    let absent = UserError::at(UserErrorCode::NotFound, "edits", message);
    let (newest, user_errors) = refused(context, error, absent)?;
    Ok(SaveJobPayload { job: None, newest, user_errors })
}

/// What a refused version is answered with: after a conflict the newest version, and why it was refused.
pub(super) fn refused(
    context: &Context<'_>,
    error: SaveJobError,
    absent: UserError,
) -> Result<(Option<Job>, Vec<UserError>)> {
    match error {
        SaveJobError::Faults(faults) => Ok((None, UserError::of_faults(faults))),
        SaveJobError::Conflict { edited, newest } => {
            let message = conflict(edited, newest.version);
            let error = UserError::at(UserErrorCode::Conflict, "edits", message);
            Ok((Some(Job::of(context, *newest)), vec![error]))
        }
        SaveJobError::Absent => Ok((None, vec![absent])),
        SaveJobError::Store(error) => Err(error.into()),
    }
}

/// The refusal of a change of a job that is not there.
pub(super) fn no_job(key: &str) -> UserError {
    UserError::at(UserErrorCode::NotFound, "key", format!("There is no job `{key}` in this organization."))
}

fn conflict(edited: u32, newest: u32) -> String {
    match edited {
        0 => format!("There is already a job with this key, at version {newest}."),
        _ => format!("Version {edited} was edited, but the job is at version {newest}: look at it and save again."),
    }
}
