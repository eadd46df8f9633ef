//! Jobs and their versions, in memory.

use std::ops::Bound;

use async_trait::async_trait;

use super::{MemoryStore, listed};
use crate::model::organization::OrgScope;
use crate::ports::jobs::{Jobs, NewVersion, SaveError, SavedJob, Saving};
use crate::ports::{Listed, StoreError};

#[async_trait]
impl Jobs for MemoryStore {
    async fn save(&self, scope: OrgScope, version: NewVersion) -> Result<SavedJob, SaveError> {
        let place = (scope.organization(), version.key.clone());
        let mut tables = self.tables();
        if let Some(gone) = version.pins.iter().find(|pin| !tables.has_module(scope, &pin.module.digest)) {
            return Err(SaveError::Gone(format!("{}@{}", gone.module.module, gone.module.version)));
        }
        let newest = tables.jobs.get(&place).and_then(|versions| versions.last());
        let schedules = version.schedules.clone();
        match version.judge(newest)? {
            Saving::New(saved) => {
                tables.save_schedules((place.0, &place.1), schedules, saved.saved_at);
                tables.jobs.entry(place).or_default().push(saved.clone());
                Ok(saved)
            }
            Saving::Unchanged(newest) => Ok(newest),
        }
    }

    async fn find(&self, scope: OrgScope, key: &str, version: Option<u32>) -> Result<Option<SavedJob>, StoreError> {
        let tables = self.tables();
        let Some(versions) = tables.jobs.get(&(scope.organization(), key.to_owned())) else { return Ok(None) };
        let found = match version {
            Some(version) => versions.iter().find(|saved| saved.version == version),
            None => versions.last(),
        };
        Ok(found.cloned())
    }

    async fn list(&self, scope: OrgScope, after: Option<&str>, limit: u32) -> Result<Listed<SavedJob>, StoreError> {
        let organization = scope.organization();
        let from = match after {
            Some(key) => Bound::Excluded((organization, key.to_owned())),
            None => Bound::Included((organization, String::new())),
        };
        let tables = self.tables();
        let own = tables.jobs.range((from, Bound::Unbounded)).take_while(|((owner, _), _)| *owner == organization);
        let items = own.filter_map(|(_, versions)| versions.last()).cloned();
        Ok(listed(items, limit))
    }

    async fn count(&self, scope: OrgScope) -> Result<u64, StoreError> {
        let tables = self.tables();
        let own = tables.jobs.keys().filter(|(owner, _)| *owner == scope.organization());
        Ok(own.count() as u64)
    }
}
