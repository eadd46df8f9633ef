//! Webhooks: made and removed by editors, used by whoever has the address.

use super::authenticate::access;
use super::engine::Engine;
use super::start::{Cause, Start, StartError};
use super::usage::QuotaReached;
use crate::model::fault::Fault;
use crate::model::module::is_key;
use crate::model::organization::{Access, OrgScope, Role};
use crate::model::result::JobResult;
use crate::model::webhook::{Brought, HookToken, Sealed, Signature, SignatureFault, SigningSecret, Takes, Webhook};
use crate::ports::StoreError;
use crate::ports::webhooks::AddError;

/// A webhook to be made.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// Key of the job.
    pub job: String,
    /// Unique in the job: lower-case words joined by hyphens.
    pub key: String,
    /// What becomes of the body of a message.
    pub takes: Takes,
    /// Whether only signed messages are taken.
    pub signed: bool,
}

/// A webhook that was made. Its token and its signing secret are never to be had again.
pub struct IssuedWebhook {
    /// The secret part of the address.
    pub token: String,
    /// What a sender to a signed one signs with.
    pub signing_secret: Option<String>,
    /// What is kept.
    pub webhook: Webhook,
}

/// Why no webhook was made.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// What was asked for is wrong.
    #[error("the request has {} faults", .0.len())]
    Faults(Vec<Fault>),
    /// It cannot be added to the job.
    #[error(transparent)]
    Refused(AddError),
    /// No randomness, or the store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<AddError> for WebhookError {
    fn from(error: AddError) -> Self {
        match error {
            AddError::Store(error) => Self::Store(error),
            refused => Self::Refused(refused),
        }
    }
}

/// A webhook whose address somebody has.
pub struct OpenWebhook {
    token: HookToken,
    webhook: Webhook,
    access: Access,
}

impl OpenWebhook {
    /// What callers of this webhook may do, and where.
    pub fn access(&self) -> &Access {
        &self.access
    }
}

/// A message to a webhook.
#[derive(Debug, Clone, Default)]
pub struct Message {
    /// The body, as it came: it may be signed.
    pub body: Vec<u8>,
    /// What it is signed with.
    pub signature: Option<Signature>,
    /// What the sender calls it, the same whenever it is sent again. A signed name goes before.
    pub name: Option<String>,
}

/// Why a message started nothing.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// The webhook was removed.
    #[error("there is no such webhook")]
    Gone,
    /// Too many messages came.
    #[error(transparent)]
    Quota(#[from] QuotaReached),
    /// It comes from somebody else.
    #[error(transparent)]
    Signature(#[from] SignatureFault),
    /// The body is not what the webhook takes.
    #[error("{0}")]
    Body(String),
    /// The job is not started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Adds a webhook to a job of the caller's organization.
    ///
    /// # Errors
    /// See [`WebhookError`].
    pub async fn create_webhook(&self, access: &Access, new: NewWebhook) -> Result<IssuedWebhook, WebhookError> {
        if !is_key(&new.key) {
            let told = "write lower-case words joined by hyphens, at most 60 characters";
            return Err(WebhookError::Faults(vec![Fault::at("key", told)]));
        }
        let (text, token) = HookToken::fresh().map_err(random)?;
        let secret = if new.signed { Some(SigningSecret::fresh().map_err(random)?) } else { None };
        let sealed = secret.as_ref().map(|secret| secret.seal(&token, access.organization.id));
        let webhook = Webhook {
            organization: access.organization.id,
            id: token.id(),
            job: new.job,
            key: new.key,
            takes: new.takes,
            hash: token.hash(),
            sealed: sealed.transpose().map_err(random)?,
            created_at: self.clock.now(),
            created_by: access.who.clone(),
            last_used_at: None,
        };
        self.webhooks.add_webhook(access.scope(), &webhook).await?;
        Ok(IssuedWebhook { token: text, signing_secret: secret.map(|secret| secret.text()), webhook })
    }

    /// Removes a webhook; false if it was not there. From then on its address is one like any other
    /// that nobody was given.
    ///
    /// # Errors
    /// The store failed.
    pub async fn remove_webhook(&self, access: &Access, job: &str, key: &str) -> Result<bool, StoreError> {
        self.webhooks.remove_webhook(access.scope(), job, key).await
    }

    /// The webhook that an address opens. One that opens none costs the same, whatever is wrong with it.
    ///
    /// # Errors
    /// The store failed.
    pub async fn open_webhook(&self, token: &str) -> Result<Option<OpenWebhook>, StoreError> {
        let token = HookToken::read(token);
        let found = self.webhooks.webhook(token.id()).await?;
        let opens = token.opens(found.as_ref());
        let Some(webhook) = found.filter(|_| opens) else { return Ok(None) };
        let Some(organization) = self.organizations.by_id(webhook.organization).await? else { return Ok(None) };
        let access = access(organization, Role::Operator, false, format!("webhook {}", webhook.key));
        Ok(Some(OpenWebhook { token, webhook, access }))
    }

    /// Starts the job of a webhook with what a message brings. Durable when it answers; a message
    /// with a name that comes again is answered with the first one's result.
    ///
    /// # Errors
    /// See [`MessageError`].
    pub async fn start_by_webhook(&self, open: &OpenWebhook, message: Message) -> Result<JobResult, MessageError> {
        // The body may have taken its time.
        let still = self.webhooks.find_webhook(open.access.scope(), open.webhook.id).await?;
        let Some(webhook) = still else { return Err(MessageError::Gone) };
        let name = match &webhook.sealed {
            Some(sealed) => self.check_signature(open, sealed, &message)?,
            None => None,
        };
        // Who knows only the address does not use up what signed messages may.
        self.count_message(open.access.organization.quotas, webhook.id)?;
        let Brought { arguments, records } = webhook.takes.read(&message.body).map_err(MessageError::Body)?;
        let start = Start {
            job: webhook.job.clone(),
            arguments,
            records,
            idempotency_key: name.or(message.name),
            cause: Cause::Webhook(webhook.id),
            ..Start::default()
        };
        let result = self.start(&open.access, start).await?;
        self.note_use(open.access.scope(), &webhook);
        Ok(result)
    }

    /// Checks what a signed webhook is sent. The message's name, where it is signed too: with another
    /// one, who had seen the message could send it again as a new one.
    fn check_signature(
        &self,
        open: &OpenWebhook,
        sealed: &Sealed,
        message: &Message,
    ) -> Result<Option<String>, MessageError> {
        let signature = message.signature.as_ref().ok_or(SignatureFault::Missing)?;
        let secret = SigningSecret::open(sealed, &open.token, open.webhook.organization).map_err(|error| {
            StoreError::Unreadable(format!("the signing secret of webhook {}: {error}", open.webhook.id.0))
        })?;
        signature.check(&secret, &message.body, self.clock.now())?;
        Ok(signature.signed_name().map(str::to_owned))
    }

    /// Notes now and then that a webhook is in use. The start is made, so that nobody waits for it.
    fn note_use(&self, scope: OrgScope, webhook: &Webhook) {
        let now = self.clock.now();
        if !webhook.is_worth_noting(now) {
            return;
        }
        let (engine, id) = (self.clone(), webhook.id);
        tokio::spawn(async move {
            if let Err(error) = engine.webhooks.note_use(scope, id, now, Webhook::noted_since(now)).await {
                tracing::warn!(%error, webhook = %id.0, "the use of a webhook was not noted");
            }
        });
    }
}

fn random(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}
