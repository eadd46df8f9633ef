//! `saveQueue`.

use async_graphql::{Context, InputObject, SimpleObject};
use engine::ports::queues::QueueSetting;

use crate::objects::queue::Queue;
use crate::resolver::{Result, access, engine, to_the_end};
use crate::user_error::{UserError, user_errors};

/// Input of `saveQueue`.
#[derive(InputObject)]
pub(crate) struct SaveQueueInput {
    /// Key by which jobs name it: lower-case words joined by hyphens. Jobs that name no queue use `default`.
    key: String,
    /// How many results may run at once, 1 or more; default: no limit.
    limit: Option<u32>,
    /// Whether all organizations share it; for server administrators only. Default: false.
    global: Option<bool>,
}

/// Payload of `saveQueue`.
#[derive(SimpleObject)]
pub(crate) struct SaveQueuePayload {
    /// The saved queue; null if it was refused.
    queue: Option<Queue>,
    /// Why it was refused; empty if it was saved.
    pub(super) user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: SaveQueueInput) -> Result<SaveQueuePayload> {
    let setting = QueueSetting { key: input.key, global: input.global.unwrap_or(false), limit: input.limit };
    let (queues, access) = (engine(context).queues(), access(context).clone());
    Ok(match to_the_end(async move { queues.save(&access, &setting).await }).await? {
        Ok(saved) => SaveQueuePayload { queue: Some(Queue(saved)), user_errors: Vec::new() },
        Err(error) => SaveQueuePayload { queue: None, user_errors: user_errors(error)? },
    })
}
