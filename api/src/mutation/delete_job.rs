//! `deleteJob`.

use async_graphql::{Context, InputObject, SimpleObject};

use crate::resolver::{Result, access, engine, to_the_end};
use crate::user_error::{UserError, user_errors};

/// Input of `deleteJob`.
#[derive(InputObject)]
pub(crate) struct DeleteJobInput {
    /// Key of the job.
    key: String,
    /// The version that the caller has seen. Without it, any version is deleted.
    edits: Option<u32>,
    /// Whether to kill the pending and running results of the job and of its notifications. Otherwise they prevent the
    /// deletion.
    #[graphql(default)]
    kill_open: bool,
}

/// Payload of `deleteJob`.
#[derive(SimpleObject, Default)]
pub(crate) struct DeleteJobPayload {
    /// Whether the job was deleted.
    deleted: bool,
    /// How many results were killed.
    killed: u64,
    /// Why the job was not deleted; empty if it was. `IN_USE` means that results have not ended.
    pub(super) user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: DeleteJobInput) -> Result<DeleteJobPayload> {
    let (jobs, access) = (engine(context).jobs(), access(context).clone());
    Ok(match to_the_end(async move { jobs.delete(&access, &input.key, input.edits, input.kill_open).await }).await? {
        Ok(killed) => DeleteJobPayload { deleted: true, killed, user_errors: Vec::new() },
        Err(error) => DeleteJobPayload { deleted: false, killed: 0, user_errors: user_errors(error)? },
    })
}
