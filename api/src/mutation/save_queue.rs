//! `saveQueue`.

use async_graphql::{Context, InputObject, SimpleObject};
use engine::ports::queues::QueueSetting;

use super::to_the_end;
use super::user_error::{UserError, of_queues};
use crate::objects::queue::Queue;
use crate::objects::{Result, access, engine};

/// What `saveQueue` is given.
#[derive(InputObject)]
pub(crate) struct SaveQueueInput {
    /// What jobs name it by: lower-case words joined by hyphens. `default` is the queue of jobs
    /// that name none.
    key: String,
    /// How many results may be at work at once, 1 or more; any number if nothing is given.
    limit: Option<u32>,
    /// Whether all organizations share it; for server administrators only. False if nothing is
    /// given.
    global: Option<bool>,
}

/// What `saveQueue` answers.
#[derive(SimpleObject)]
pub(crate) struct SaveQueuePayload {
    /// The queue as the organization sees it now; null if it was refused.
    queue: Option<Queue>,
    /// Why it was refused; empty if it was saved.
    user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: SaveQueueInput) -> Result<SaveQueuePayload> {
    let setting = QueueSetting { key: input.key, global: input.global.unwrap_or(false), limit: input.limit };
    let (engine, access) = (engine(context).clone(), access(context).clone());
    match to_the_end(async move { engine.save_queue(&access, &setting).await }).await? {
        Ok(saved) => Ok(SaveQueuePayload { queue: Some(Queue(saved)), user_errors: Vec::new() }),
        Err(error) => Ok(SaveQueuePayload { queue: None, user_errors: of_queues(error)? }),
    }
}
