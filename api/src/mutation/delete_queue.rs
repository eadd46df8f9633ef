//! `deleteQueue`.

use async_graphql::{Context, InputObject, SimpleObject};

use crate::resolver::{Result, access, engine, to_the_end};
use crate::user_error::{UserError, user_errors};

/// Input of `deleteQueue`.
#[derive(InputObject)]
pub(crate) struct DeleteQueueInput {
    /// Key of the queue.
    key: String,
    /// Whether it is the global queue with this key; for server administrators only. Default: false.
    global: Option<bool>,
}

/// Payload of `deleteQueue`.
#[derive(SimpleObject)]
pub(crate) struct DeleteQueuePayload {
    /// Whether it was removed. Results that wait in it continue without its limit.
    deleted: bool,
    /// Why it was not removed; empty if it was.
    pub(super) user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: DeleteQueueInput) -> Result<DeleteQueuePayload> {
    let (queues, access) = (engine(context).queues(), access(context).clone());
    Ok(
        match to_the_end(async move { queues.remove(&access, &input.key, input.global.unwrap_or(false)).await }).await?
        {
            Ok(()) => DeleteQueuePayload { deleted: true, user_errors: Vec::new() },
            Err(error) => DeleteQueuePayload { deleted: false, user_errors: user_errors(error)? },
        },
    )
}
