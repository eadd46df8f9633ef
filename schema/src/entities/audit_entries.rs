//! Entries of the audit log. Those of the server have a nil organization.

use engine::model::audit::{AuditEntry, AuditOutcome};
use engine::model::organization::OrganizationId;
use engine::ports::StoreError;
use sea_orm::entity::prelude::*;

use crate::columns::{RowName, micros};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_entries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub at: i64,
    pub who: String,
    pub token_id: Uuid,
    pub operation: String,
    pub target: String,
    pub outcome: String,
    pub reason: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn of(entry: &AuditEntry) -> Self {
        Self {
            organization_id: entry.organization.map_or(Uuid::nil(), |organization| organization.0),
            id: entry.id,
            at: micros(entry.at),
            who: entry.who.clone(),
            token_id: entry.token,
            operation: entry.operation.clone(),
            target: entry.target.clone(),
            outcome: entry.outcome.word().to_owned(),
            reason: entry.reason.clone(),
        }
    }

    pub fn read(self) -> Result<AuditEntry, StoreError> {
        let row = RowName::new("audit_entries", self.id);
        Ok(AuditEntry {
            id: self.id,
            organization: (!self.organization_id.is_nil()).then_some(OrganizationId(self.organization_id)),
            at: row.instant("at", self.at)?,
            outcome: row.word("outcome", &self.outcome, AuditOutcome::from_word)?,
            who: self.who,
            token: self.token_id,
            operation: self.operation,
            target: self.target,
            reason: self.reason,
        })
    }
}
