//! `deleteJob`.

use async_graphql::{Context, InputObject, SimpleObject};
use engine::ports::jobs::{DeleteError, MOST_KILLED};

use super::save_job::no_job;
use super::to_the_end;
use super::user_error::{UserError, UserErrorCode};
use crate::objects::{Result, access, engine};

/// What `deleteJob` is given.
#[derive(InputObject)]
pub(crate) struct DeleteJobInput {
    /// Key of the job.
    key: String,
    /// The version that was looked at. Without it, whatever is there is deleted.
    edits: Option<u32>,
    /// Kills the results of the job that are pending or running, and those of its notifications. Without it,
    /// such results prevent the deletion.
    #[graphql(default)]
    kill_open: bool,
}

/// What `deleteJob` answers.
#[derive(SimpleObject, Default)]
pub(crate) struct DeleteJobPayload {
    /// Whether the job was deleted.
    deleted: bool,
    /// How many results were killed.
    killed: u64,
    /// Why the job was not deleted; empty if it was. `IN_USE` says that results have not ended.
    user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: DeleteJobInput) -> Result<DeleteJobPayload> {
    let (engine, access) = (engine(context).clone(), access(context).clone());
    let DeleteJobInput { key, edits, kill_open } = input;
    let absent = no_job(&key);
    let error = match to_the_end(async move { engine.delete_job(&access, &key, edits, kill_open).await }).await? {
        Ok(killed) => return Ok(DeleteJobPayload { deleted: true, killed, ..Default::default() }),
        Err(DeleteError::Absent) => absent,
        Err(conflict @ DeleteError::Conflict { .. }) => {
            let message = format!("{conflict}; look at it and delete it again.");
            UserError::at(UserErrorCode::Conflict, "edits", message)
        }
        Err(DeleteError::Open(count)) => UserError::at(UserErrorCode::InUse, "key", open(count)),
        Err(DeleteError::Store(error)) => return Err(error.into()),
    };
    Ok(DeleteJobPayload { user_errors: vec![error], ..Default::default() })
}

fn open(count: usize) -> String {
    let results = match count {
        1 => "1 result of the job has not ended".to_owned(),
        2..=MOST_KILLED => format!("{count} results of the job have not ended"),
        _ => format!("More than {MOST_KILLED} results of the job have not ended"),
    };
    format!("{results}; wait for the end, or delete the job with `killOpen: true`.")
}
