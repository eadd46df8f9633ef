//! Tokens. A token for the server has no organization.

use engine::model::organization::{OrganizationId, Role};
use engine::model::token::{TokenRecord, TokenScope};
use engine::ports::StoreError;
use sea_orm::entity::prelude::*;

use crate::columns::{RowName, micros};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "tokens")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub name: String,
    pub hash: Vec<u8>,
    pub organization_id: Option<Uuid>,
    pub role: Option<String>,
    pub expires_at: Option<i64>,
    pub created_at: i64,
    pub created_by: Option<String>,
    pub last_used_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn of(token: &TokenRecord) -> Self {
        let (organization_id, role) = match token.scope {
            TokenScope::Organization(organization, role) => (Some(organization.0), Some(role.word().to_owned())),
            TokenScope::Server => (None, None),
        };
        Self {
            id: token.id,
            name: token.name.clone(),
            hash: token.hash.to_vec(),
            organization_id,
            role,
            expires_at: token.expires_at.map(micros),
            created_at: micros(token.created_at),
            created_by: token.created_by.clone(),
            last_used_at: token.last_used_at.map(micros),
        }
    }

    pub fn read(self) -> Result<TokenRecord, StoreError> {
        let row = RowName::new("tokens", self.id);
        let scope = match (self.organization_id, self.role) {
            (Some(organization), Some(role)) => {
                TokenScope::Organization(OrganizationId(organization), row.word("role", &role, Role::from_word)?)
            }
            (None, None) => TokenScope::Server,
            _ => return Err(row.unreadable("role", "a token needs both an organization and a role, or neither")),
        };
        Ok(TokenRecord {
            id: self.id,
            hash: self.hash.try_into().map_err(|_| row.unreadable("hash", "the hash does not have 32 bytes"))?,
            scope,
            expires_at: row.maybe_instant("expires_at", self.expires_at)?,
            created_at: row.instant("created_at", self.created_at)?,
            created_by: self.created_by,
            last_used_at: row.maybe_instant("last_used_at", self.last_used_at)?,
            name: self.name,
        })
    }
}
