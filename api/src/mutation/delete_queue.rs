//! `deleteQueue`.

use async_graphql::{Context, InputObject, SimpleObject};

use super::to_the_end;
use super::user_error::{UserError, UserErrorCode, of_queues};
use crate::objects::{Result, access, engine};

/// What `deleteQueue` is given.
#[derive(InputObject)]
pub(crate) struct DeleteQueueInput {
    /// Key of the queue.
    key: String,
    /// Whether the one that all organizations share is meant; for server administrators only.
    /// False if nothing is given.
    global: Option<bool>,
}

/// What `deleteQueue` answers.
#[derive(SimpleObject)]
pub(crate) struct DeleteQueuePayload {
    /// Whether it was removed. What waits in it goes on without a limit.
    deleted: bool,
    /// Why it was not removed; empty if it was.
    user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: DeleteQueueInput) -> Result<DeleteQueuePayload> {
    let (engine, access) = (engine(context).clone(), access(context).clone());
    let (key, global) = (input.key.clone(), input.global.unwrap_or(false));
    let deleted = to_the_end(async move { engine.remove_queue(&access, &key, global).await }).await?;
    let user_errors = match deleted {
        Ok(true) => return Ok(DeleteQueuePayload { deleted: true, user_errors: Vec::new() }),
        Ok(false) => {
            let whose = if global { "that all organizations share" } else { "of this organization" };
            let message = format!("There is no queue `{}` {whose} that was set up.", input.key);
            vec![UserError::at(UserErrorCode::NotFound, "key", message)]
        }
        Err(error) => of_queues(error)?,
    };
    Ok(DeleteQueuePayload { deleted: false, user_errors })
}
