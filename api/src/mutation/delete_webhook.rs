//! `deleteWebhook`.

use async_graphql::{Context, InputObject, SimpleObject};

use crate::resolver::{Result, access, engine, to_the_end};
use crate::user_error::{UserError, user_errors};

/// Input of `deleteWebhook`.
#[derive(InputObject)]
pub(crate) struct DeleteWebhookInput {
    /// Key of its job.
    job: String,
    /// Key of the webhook.
    key: String,
}

/// Payload of `deleteWebhook`.
#[derive(SimpleObject)]
pub(crate) struct DeleteWebhookPayload {
    /// Whether it was removed. Its address does not start the job any more.
    deleted: bool,
    /// Why it was not removed; empty if it was.
    pub(super) user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: DeleteWebhookInput) -> Result<DeleteWebhookPayload> {
    let (webhooks, access) = (engine(context).webhooks(), access(context).clone());
    Ok(match to_the_end(async move { webhooks.remove(&access, &input.job, &input.key).await }).await? {
        Ok(()) => DeleteWebhookPayload { deleted: true, user_errors: Vec::new() },
        Err(error) => DeleteWebhookPayload { deleted: false, user_errors: user_errors(error)? },
    })
}
