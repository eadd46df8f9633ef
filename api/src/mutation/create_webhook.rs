//! `createWebhook`.

use async_graphql::{Context, InputObject, SimpleObject};
use engine::ports::webhooks::AddError;
use engine::runtime::webhooks::{NewWebhook, WebhookError};

use super::to_the_end;
use super::user_error::{UserError, UserErrorCode};
use crate::objects::webhook::{Webhook, WebhookTakes};
use crate::objects::{Result, access, engine};

/// What `createWebhook` is given.
#[derive(InputObject)]
pub(crate) struct CreateWebhookInput {
    /// Key of the job that it starts.
    job: String,
    /// Unique in the job: lower-case words joined by hyphens.
    key: String,
    /// What becomes of the body of a message. `RECORDS` if nothing is given.
    takes: Option<WebhookTakes>,
    /// Whether it takes messages only that are signed: with `X-Hub-Signature-256`, as GitHub signs,
    /// or as Standard Webhooks has it. False if nothing is given.
    signed: Option<bool>,
}

/// What `createWebhook` answers.
#[derive(SimpleObject)]
pub(crate) struct CreateWebhookPayload {
    /// The webhook; null if it was refused.
    webhook: Option<Webhook>,
    /// Where to send messages to, below the address of the server: `/hooks/…`. Whoever knows it may
    /// start the job. It is kept nowhere: this is the only time it is shown.
    path: Option<String>,
    /// What senders to a signed webhook sign with: `whsec_…`. It is kept so that only a message to
    /// the path opens it: this is the only time it is shown. Null if the webhook is not signed.
    signing_secret: Option<String>,
    /// Why it was refused; empty if it was made.
    user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: CreateWebhookInput) -> Result<CreateWebhookPayload> {
    let CreateWebhookInput { job, key, takes, signed } = input;
    let takes = takes.unwrap_or(WebhookTakes::Records).into();
    let new = NewWebhook { job, key, takes, signed: signed.unwrap_or(false) };
    let (engine, access) = (engine(context).clone(), access(context).clone());
    let refused = |user_errors| CreateWebhookPayload { webhook: None, path: None, signing_secret: None, user_errors };
    match to_the_end(async move { engine.create_webhook(&access, new).await }).await? {
        Ok(issued) => Ok(CreateWebhookPayload {
            webhook: Some(Webhook(issued.webhook)),
            path: Some(format!("/hooks/{}", issued.token)),
            signing_secret: issued.signing_secret,
            user_errors: Vec::new(),
        }),
        Err(WebhookError::Faults(faults)) => Ok(refused(UserError::of_faults(faults))),
        Err(WebhookError::Refused(error)) => Ok(refused(vec![told(&error)])),
        Err(WebhookError::Store(error)) => Err(error.into()),
    }
}

fn told(error: &AddError) -> UserError {
    let (code, path) = match error {
        AddError::UnknownJob(_) => (UserErrorCode::NotFound, "job"),
        AddError::Taken(_) => (UserErrorCode::Taken, "key"),
        AddError::TooMany | AddError::Store(_) => (UserErrorCode::Invalid, "job"),
    };
    UserError::at(code, path, format!("{error}."))
}
