//! Webhooks: secret addresses that start jobs.

use engine::model::organization::OrganizationId;
use engine::model::webhook::{PayloadKind, Sealed, Webhook, WebhookId};
use engine::ports::StoreError;
use sea_orm::entity::prelude::*;

use crate::columns::{RowName, micros};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "webhooks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub job_key: String,
    pub key: String,
    pub takes: String,
    pub hash: Vec<u8>,
    pub sealed: Option<Vec<u8>>,
    pub created_at: i64,
    pub created_by: String,
    pub last_used_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn of(organization: OrganizationId, webhook: &Webhook) -> Self {
        Self {
            organization_id: organization.0,
            id: webhook.id.0,
            job_key: webhook.job.clone(),
            key: webhook.key.clone(),
            takes: webhook.takes.word().to_owned(),
            hash: webhook.hash.to_vec(),
            sealed: webhook.sealed.as_ref().map(|sealed| sealed.0.clone()),
            created_at: micros(webhook.created_at),
            created_by: webhook.created_by.clone(),
            last_used_at: webhook.last_used_at.map(micros),
        }
    }

    pub fn read(self) -> Result<Webhook, StoreError> {
        let row = RowName::new("webhooks", self.id);
        Ok(Webhook {
            organization: OrganizationId(self.organization_id),
            id: WebhookId(self.id),
            takes: row.word("takes", &self.takes, PayloadKind::from_word)?,
            hash: self.hash.try_into().map_err(|_| row.unreadable("hash", "the hash does not have 32 bytes"))?,
            sealed: self.sealed.map(Sealed),
            created_at: row.instant("created_at", self.created_at)?,
            last_used_at: row.maybe_instant("last_used_at", self.last_used_at)?,
            job: self.job_key,
            key: self.key,
            created_by: self.created_by,
        })
    }
}
