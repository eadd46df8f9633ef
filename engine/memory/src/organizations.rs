//! Organizations, in memory.

use std::collections::HashMap;

use async_trait::async_trait;

use super::{MemoryStore, impossible, listed};
use engine::model::organization::{Organization, OrganizationId};
use engine::model::quota::StorageUse;
use engine::model::record::size_of_text;
use engine::model::result::LineResult;
use engine::ports::organizations::{CreateError, OrganizationChange, Organizations};
use engine::ports::{Listed, StoreError};

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

    async fn list(&self, after: Option<&str>, limit: u32) -> Result<Listed<Organization>, StoreError> {
        let mut all: Vec<_> = self.tables().organizations.values().cloned().collect();
        all.sort_by(|one, other| one.key.cmp(&other.key));
        let later = all.into_iter().filter(|organization| after.is_none_or(|after| organization.key.as_str() > after));
        Ok(listed(later, limit, |_| 0))
    }

    async fn update(&self, id: OrganizationId, change: OrganizationChange) -> Result<Option<Organization>, StoreError> {
        let mut tables = self.tables();
        let Some(organization) = tables.organizations.get_mut(&id) else { return Ok(None) };
        change.apply(organization);
        Ok(Some(organization.clone()))
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
}
