//! `deleteWebhook`.

use async_graphql::{Context, InputObject, SimpleObject};

use super::to_the_end;
use super::user_error::{UserError, UserErrorCode};
use crate::objects::{Result, access, engine};

/// What `deleteWebhook` is given.
#[derive(InputObject)]
pub(crate) struct DeleteWebhookInput {
    /// Key of its job.
    job: String,
    /// Key of the webhook.
    key: String,
}

/// What `deleteWebhook` answers.
#[derive(SimpleObject)]
pub(crate) struct DeleteWebhookPayload {
    /// Whether it was removed: its address starts nothing from now on.
    deleted: bool,
    /// Why it was not removed; empty if it was.
    user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: DeleteWebhookInput) -> Result<DeleteWebhookPayload> {
    let (engine, access) = (engine(context).clone(), access(context).clone());
    let DeleteWebhookInput { job, key } = input;
    let message = format!("The job `{job}` has no webhook `{key}` in this organization.");
    let deleted = to_the_end(async move { engine.remove_webhook(&access, &job, &key).await }).await??;
    let error = (!deleted).then(|| UserError::at(UserErrorCode::NotFound, "key", message));
    Ok(DeleteWebhookPayload { deleted, user_errors: error.into_iter().collect() })
}
