//! Webhooks: made and removed by editors, and used by everybody who has the address.

use std::sync::Arc;

use super::Webhooks;
use crate::execution::start::{Cause, Start, start};
use crate::model::module::is_key;
use crate::model::organization::{Access, OrgScope, Role};
use crate::model::refusal::{Refusal, RefusalCode};
use crate::model::result::JobResult;
use crate::model::rights::Operation;
use crate::model::webhook::{
    Brought, HookToken, PayloadKind, Sealed, Signature, SignatureFault, SigningSecret, Webhook, WebhookId,
};
use crate::node::service_error::ServiceError;
use crate::ports::StoreError;
use crate::ports::webhooks::AddError;

/// A webhook to be made.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// Key of the job.
    pub job: String,
    /// Unique in the job: lower-case words joined by hyphens.
    pub key: String,
    /// How the body of a message is used.
    pub takes: PayloadKind,
    /// Whether only signed messages are accepted.
    pub signed: bool,
}

/// A new webhook. Its token and its signing secret cannot be read again.
pub struct IssuedWebhook {
    /// The secret part of the address.
    pub token: String,
    /// The secret with which senders sign; none if messages need no signature.
    pub signing_secret: Option<String>,
    /// What is kept.
    pub webhook: Webhook,
}

fn refused(error: AddError) -> ServiceError {
    let (code, path) = match error {
        AddError::UnknownJob(_) => (RefusalCode::NotFound, "job"),
        AddError::Taken(_) => (RefusalCode::Taken, "key"),
        AddError::TooMany => (RefusalCode::Invalid, "job"),
        AddError::Store(error) => return error.into(),
    };
    ServiceError::refused(code, path, format!("{error}."))
}

/// A webhook that a caller has opened by its address.
pub struct OpenWebhook {
    token: HookToken,
    webhook: Webhook,
    access: Access,
}

impl OpenWebhook {
    /// The access of callers of this webhook.
    pub fn access(&self) -> &Access {
        &self.access
    }
}

/// A message to a webhook.
#[derive(Debug, Clone, Default)]
pub struct Message {
    /// The exact bytes of the body, which may be signed.
    pub body: Vec<u8>,
    /// Its signature.
    pub signature: Option<Signature>,
    /// The sender's identifier of the message: the same if it is sent again. An identifier in the signature has
    /// priority.
    pub name: Option<String>,
}

impl Webhooks {
    /// The webhooks of these jobs, by job and key.
    ///
    /// # Errors
    /// The store failed.
    pub async fn of_jobs(&self, scope: OrgScope, jobs: &[String]) -> Result<Vec<Webhook>, StoreError> {
        self.node.stores.webhooks.webhooks_of(scope, jobs).await
    }

    /// One webhook.
    ///
    /// # Errors
    /// The store failed.
    pub async fn find(&self, scope: OrgScope, id: WebhookId) -> Result<Option<Webhook>, StoreError> {
        self.node.stores.webhooks.find_webhook(scope, id).await
    }

    /// Adds a webhook to a job of the caller's organization.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn create(&self, access: &Access, new: NewWebhook) -> Result<IssuedWebhook, ServiceError> {
        access.require(Operation::CreateWebhook)?;
        if !is_key(&new.key) {
            let message = "write lower-case words joined by hyphens, at most 60 characters";
            return Err(Refusal::invalid("key", message).into());
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
            created_at: self.node.clock.now(),
            created_by: access.who.clone(),
            last_used_at: None,
        };
        self.node.stores.webhooks.add_webhook(access.scope(), &webhook).await.map_err(refused)?;
        Ok(IssuedWebhook { token: text, signing_secret: secret.map(|secret| secret.text()), webhook })
    }

    /// Removes a webhook. From then on, its address is answered like any unknown address.
    ///
    /// # Errors
    /// The store failed.
    pub async fn remove(&self, access: &Access, job: &str, key: &str) -> Result<(), ServiceError> {
        access.require(Operation::DeleteWebhook)?;
        if self.node.stores.webhooks.remove_webhook(access.scope(), job, key).await? {
            return Ok(());
        }
        let message = format!("The job `{job}` has no webhook `{key}` in this organization.");
        Err(Refusal::not_found("key", message).into())
    }

    /// The webhook of an address. An unknown address takes as long as a known one, whatever is wrong with it.
    ///
    /// # Errors
    /// The store failed.
    pub async fn open(&self, token: &str) -> Result<Option<OpenWebhook>, StoreError> {
        let token = HookToken::read(token);
        let found = self.node.stores.webhooks.webhook(token.id()).await?;
        let opens = token.opens(found.as_ref());
        let Some(webhook) = found.filter(|_| opens) else { return Ok(None) };
        let Some(organization) = self.node.stores.organizations.by_id(webhook.organization).await? else {
            return Ok(None);
        };
        if !organization.is_active() {
            return Ok(None);
        }
        let access = Access::of(organization, Role::Operator, format!("webhook {}", webhook.key));
        Ok(Some(OpenWebhook { token, webhook, access }))
    }

    /// Starts the job of a webhook with the content of a message. Durable when it answers. If a message with a name
    /// comes again, the first one's result is returned.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn receive(&self, open: &OpenWebhook, message: Message) -> Result<JobResult, ServiceError> {
        // The webhook may have been removed while the body was received.
        let found = self.node.stores.webhooks.find_webhook(open.access.scope(), open.webhook.id).await?;
        let webhook = found.ok_or_else(|| Refusal::not_found("", "There is no such webhook."))?;
        let name = match &webhook.sealed {
            Some(sealed) => self.check_signature(open, sealed, &message)?,
            None => None,
        };
        // Counted after the signature is checked, so that unsigned messages do not use up the rate of signed ones.
        self.node.usage.count_message(open.access.organization.quotas, webhook.id)?;
        let Brought { arguments, records } =
            webhook.takes.read(&message.body).map_err(|message| Refusal::invalid("body", message))?;
        let result = start(
            &self.node,
            &open.access,
            Start {
                job: webhook.job.clone(),
                arguments,
                records,
                idempotency_key: name.or(message.name),
                cause: Cause::Webhook(webhook.id),
                ..Start::default()
            },
        )
        .await?;
        self.note_use(open.access.scope(), &webhook);
        Ok(result)
    }

    /// Checks the signature of a message, and returns the signed name. With a name that is not signed, somebody who has
    /// seen the message could send it again as a new one.
    fn check_signature(
        &self,
        open: &OpenWebhook,
        sealed: &Sealed,
        message: &Message,
    ) -> Result<Option<String>, ServiceError> {
        let signature = message.signature.as_ref().ok_or_else(|| bad_signature(SignatureFault::Missing))?;
        let secret = SigningSecret::open(sealed, &open.token, open.webhook.organization).map_err(|error| {
            StoreError::Unreadable(format!("the signing secret of webhook {}: {error}", open.webhook.id.0))
        })?;
        signature.check(&secret, &message.body, self.node.clock.now()).map_err(bad_signature)?;
        Ok(signature.signed_name().map(str::to_owned))
    }

    /// Records from time to time that a webhook is used. The caller does not wait for it.
    fn note_use(&self, scope: OrgScope, webhook: &Webhook) {
        let now = self.node.clock.now();
        if !webhook.is_worth_noting(now) {
            return;
        }
        let (webhooks, id) = (Arc::clone(&self.node.stores.webhooks), webhook.id);
        tokio::spawn(async move {
            if let Err(error) = webhooks.note_use(scope, id, now, Webhook::noted_since(now)).await {
                tracing::warn!(%error, webhook = %id.0, "the use of a webhook could not be recorded");
            }
        });
    }
}

fn bad_signature(fault: SignatureFault) -> Refusal {
    Refusal::new(RefusalCode::Unauthenticated, "", fault.to_string())
}

fn random(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}
