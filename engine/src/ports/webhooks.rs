//! The store of webhooks. They are made and removed independently of the versions of their job.

use async_trait::async_trait;

use super::StoreError;
use crate::model::Instant;
use crate::model::organization::OrgScope;
use crate::model::webhook::{MOST_OF_A_JOB, Webhook, WebhookId};

/// Why a webhook was not added.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// There is no such job in the organization.
    #[error("there is no job `{0}`")]
    UnknownJob(String),
    /// The job has one with this key.
    #[error("the job already has a webhook `{0}`")]
    Taken(String),
    /// The job has too many webhooks.
    #[error("the job already has {MOST_OF_A_JOB} webhooks, which is the limit; remove one that is not used")]
    TooMany,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps webhooks.
#[async_trait]
pub trait Webhooks: Send + Sync {
    /// Adds a webhook to a job. Durable when it returns.
    async fn add_webhook(&self, scope: OrgScope, webhook: &Webhook) -> Result<(), AddError>;

    /// The webhooks of these jobs, by job and key; no job has more than [`MOST_OF_A_JOB`].
    async fn webhooks_of(&self, scope: OrgScope, jobs: &[String]) -> Result<Vec<Webhook>, StoreError>;

    /// One webhook.
    async fn find_webhook(&self, scope: OrgScope, id: WebhookId) -> Result<Option<Webhook>, StoreError>;

    /// The webhook with this identity, of any organization: asked before the caller is authenticated.
    async fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>, StoreError>;

    /// Records that a webhook was used, unless a use after `since` is recorded.
    async fn note_use(&self, scope: OrgScope, id: WebhookId, at: Instant, since: Instant) -> Result<(), StoreError>;

    /// Removes a webhook of a job; false if it did not exist. Durable when it returns.
    async fn remove_webhook(&self, scope: OrgScope, job: &str, key: &str) -> Result<bool, StoreError>;
}

/// Checks whether a webhook may be added to a job that has these.
///
/// # Errors
/// `Taken` and `TooMany`.
pub fn judge<'a>(key: &str, others: impl IntoIterator<Item = &'a str>) -> Result<(), AddError> {
    let mut count = 0;
    for other in others {
        if other == key {
            return Err(AddError::Taken(key.to_owned()));
        }
        count += 1;
    }
    if count >= MOST_OF_A_JOB { Err(AddError::TooMany) } else { Ok(()) }
}
