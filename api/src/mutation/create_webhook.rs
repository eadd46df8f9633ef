//! `createWebhook`.

use async_graphql::{Context, InputObject, SimpleObject};

use engine::services::webhooks::NewWebhook;

use crate::objects::webhook::{Webhook, WebhookTakes};
use crate::resolver::{Result, access, engine, to_the_end};
use crate::user_error::{UserError, user_errors};

/// Input of `createWebhook`.
#[derive(InputObject)]
pub(crate) struct CreateWebhookInput {
    /// Key of the job that it starts.
    job: String,
    /// Unique in the job: lower-case words joined by hyphens.
    key: String,
    /// How it uses the body of a message; default: `RECORDS`.
    takes: Option<WebhookTakes>,
    /// Whether messages must be signed: with `X-Hub-Signature-256`, as GitHub signs them, or as Standard Webhooks
    /// specifies. Default: false.
    signed: Option<bool>,
}

/// Payload of `createWebhook`.
#[derive(SimpleObject)]
pub(crate) struct CreateWebhookPayload {
    /// The webhook; null if it was refused.
    webhook: Option<Webhook>,
    /// Path on the server to which messages are sent: `/hooks/…`. Anybody who knows it can start the job. It is not
    /// stored, so this is the only time it is shown.
    path: Option<String>,
    /// The signing secret of a signed webhook: `whsec_…`. It is stored encrypted, so this is the only time it is shown.
    /// Null if the webhook is not signed.
    signing_secret: Option<String>,
    /// Why it was refused; empty if it was created.
    pub(super) user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: CreateWebhookInput) -> Result<CreateWebhookPayload> {
    let CreateWebhookInput { job, key, takes, signed } = input;
    let takes = takes.unwrap_or(WebhookTakes::Records).into();
    let new = NewWebhook { job, key, takes, signed: signed.unwrap_or(false) };
    let (webhooks, access) = (engine(context).webhooks(), access(context).clone());
    Ok(match to_the_end(async move { webhooks.create(&access, new).await }).await? {
        Ok(issued) => CreateWebhookPayload {
            webhook: Some(Webhook(issued.webhook)),
            path: Some(format!("/hooks/{}", issued.token)),
            signing_secret: issued.signing_secret,
            user_errors: Vec::new(),
        },
        Err(error) => {
            CreateWebhookPayload { webhook: None, path: None, signing_secret: None, user_errors: user_errors(error)? }
        }
    })
}
