//! Organizations and tokens, in memory.

use async_trait::async_trait;
use uuid::Uuid;

use super::{MemoryStore, impossible};
use crate::model::organization::{Organization, OrganizationId};
use crate::model::token::{Reach, TokenRecord};
use crate::ports::StoreError;
use crate::ports::organizations::{CreateError, LISTED_ORGANIZATIONS, Organizations};

#[async_trait]
impl Organizations for MemoryStore {
    async fn create(&self, organization: &Organization) -> Result<(), CreateError> {
        let mut tables = self.tables();
        if tables.organizations.values().any(|other| other.key == organization.key) {
            return Err(CreateError::Taken(organization.key.clone()));
        }
        if tables.organizations.contains_key(&organization.id) {
            return Err(impossible("the identity of the organization is in use").into());
        }
        tables.organizations.insert(organization.id, organization.clone());
        Ok(())
    }

    async fn by_key(&self, key: &str) -> Result<Option<Organization>, StoreError> {
        let tables = self.tables();
        Ok(tables.organizations.values().find(|organization| organization.key == key).cloned())
    }

    async fn by_id(&self, id: OrganizationId) -> Result<Option<Organization>, StoreError> {
        Ok(self.tables().organizations.get(&id).cloned())
    }

    async fn list(&self) -> Result<Vec<Organization>, StoreError> {
        let mut all: Vec<_> = self.tables().organizations.values().cloned().collect();
        all.sort_by(|one, other| one.key.cmp(&other.key));
        all.truncate(LISTED_ORGANIZATIONS);
        Ok(all)
    }

    async fn add_token(&self, token: &TokenRecord) -> Result<(), StoreError> {
        let mut tables = self.tables();
        if tables.tokens.contains_key(&token.id) {
            return Err(impossible("the identity of the token is in use"));
        }
        tables.tokens.insert(token.id, token.clone());
        Ok(())
    }

    async fn token(&self, id: Uuid) -> Result<Option<TokenRecord>, StoreError> {
        Ok(self.tables().tokens.get(&id).cloned())
    }

    async fn has_server_token(&self) -> Result<bool, StoreError> {
        Ok(self.tables().tokens.values().any(|token| token.reach == Reach::Server))
    }
}
