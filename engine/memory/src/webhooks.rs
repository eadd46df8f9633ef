//! Webhooks, in memory.

use async_trait::async_trait;

use super::{MemoryStore, Tables, impossible};
use engine::model::Instant;
use engine::model::organization::{OrgScope, OrganizationId};
use engine::model::webhook::{Webhook, WebhookId};
use engine::ports::StoreError;
use engine::ports::webhooks::{AddError, Webhooks, judge};

#[async_trait]
impl Webhooks for MemoryStore {
    async fn add_webhook(&self, scope: OrgScope, webhook: &Webhook) -> Result<(), AddError> {
        let mut tables = self.tables();
        let organization = scope.organization();
        if !tables.jobs.contains_key(&(organization, webhook.job.clone())) {
            return Err(AddError::UnknownJob(webhook.job.clone()));
        }
        judge(&webhook.key, tables.webhooks_of(organization, &webhook.job).map(|other| other.key.as_str()))?;
        if tables.webhooks.contains_key(&webhook.id) {
            return Err(impossible("the identity of the webhook is in use").into());
        }
        tables.webhooks.insert(webhook.id, Webhook { organization, ..webhook.clone() });
        Ok(())
    }

    async fn webhooks_of(&self, scope: OrgScope, jobs: &[String]) -> Result<Vec<Webhook>, StoreError> {
        let tables = self.tables();
        let of = |job| tables.webhooks_of(scope.organization(), job);
        let mut found: Vec<_> = jobs.iter().flat_map(|job| of(job)).cloned().collect();
        found.sort_by(|one, other| (&one.job, &one.key).cmp(&(&other.job, &other.key)));
        Ok(found)
    }

    async fn find_webhook(&self, scope: OrgScope, id: WebhookId) -> Result<Option<Webhook>, StoreError> {
        let found = self.tables().webhooks.get(&id).cloned();
        Ok(found.filter(|webhook| webhook.organization == scope.organization()))
    }

    async fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>, StoreError> {
        Ok(self.tables().webhooks.get(&id).cloned())
    }

    async fn note_use(&self, scope: OrgScope, id: WebhookId, at: Instant, since: Instant) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let own = tables.webhooks.get_mut(&id).filter(|webhook| webhook.organization == scope.organization());
        if let Some(webhook) = own.filter(|webhook| webhook.last_used_at.is_none_or(|last| last <= since)) {
            webhook.last_used_at = Some(at);
        }
        Ok(())
    }

    async fn remove_webhook(&self, scope: OrgScope, job: &str, key: &str) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let found = tables.webhooks_of(scope.organization(), job).find(|webhook| webhook.key == key);
        let id = found.map(|webhook| webhook.id);
        Ok(id.and_then(|id| tables.webhooks.remove(&id)).is_some())
    }
}

impl Tables {
    fn webhooks_of<'a>(&'a self, organization: OrganizationId, job: &'a str) -> impl Iterator<Item = &'a Webhook> {
        self.webhooks.values().filter(move |webhook| webhook.organization == organization && webhook.job == job)
    }
}
