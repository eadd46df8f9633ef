//! Organizations and tokens, in memory.

use std::collections::HashMap;

use async_trait::async_trait;
use uuid::Uuid;

use super::{MemoryStore, impossible};
use engine::model::organization::{OrgScope, Organization, OrganizationId};
use engine::model::quota::{Quotas, StorageUse};
use engine::model::record::size_of_text;
use engine::model::result::LineResult;
use engine::model::token::{TokenRecord, TokenScope};
use engine::ports::StoreError;
use engine::ports::organizations::{CreateError, LISTED_ORGANIZATIONS, Organizations};

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

    async fn set_quotas(&self, scope: OrgScope, quotas: Quotas) -> Result<(), StoreError> {
        if let Some(organization) = self.tables().organizations.get_mut(&scope.organization()) {
            organization.quotas = quotas;
        }
        Ok(())
    }

    async fn count_stored(&self) -> Result<HashMap<OrganizationId, StorageUse>, StoreError> {
        let tables = self.tables();
        let mut stored: HashMap<_, StorageUse> = HashMap::new();
        for ((organization, _), entry) in &tables.results {
            let lines = entry.lines.values().map(LineResult::bytes).sum::<usize>();
            let parts = entry.parts.values().map(size_of_text).sum::<usize>();
            let bytes = size_of_text(&entry.result.arguments) + lines + parts;
            stored.entry(*organization).or_default().history_bytes += bytes as u64;
        }
        for ((organization, _), records) in &tables.collections {
            let bytes: usize = records.values().map(size_of_text).sum();
            stored.entry(*organization).or_default().collection_bytes += bytes as u64;
        }
        Ok(stored)
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
        Ok(self.tables().tokens.values().any(|token| token.scope == TokenScope::Server))
    }
}
