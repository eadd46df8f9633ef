//! Jobs and their versions, in memory.

use std::ops::Bound;

use async_trait::async_trait;

use super::{MemoryStore, Tables, impossible, listed};
use engine::model::notify::job_of;
use engine::model::organization::{OrgScope, OrganizationId};
use engine::model::record::size_of_text;
use engine::ports::jobs::{DeleteError, Deleted, Deletion, Jobs, MOST_KILLED, NewVersion, SaveError, SavedJob, Saving};
use engine::ports::{Listed, StoreError};

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
        let deleted = tables.deleted_jobs.get(&place).copied().unwrap_or(0);
        match version.judge(newest, deleted)? {
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
        Ok(listed(items, limit, |saved| size_of_text(&saved.document)))
    }

    async fn count(&self, scope: OrgScope) -> Result<u64, StoreError> {
        let tables = self.tables();
        let own = tables.jobs.keys().filter(|(owner, _)| *owner == scope.organization());
        Ok(own.count() as u64)
    }

    async fn delete_job(&self, scope: OrgScope, deletion: Deletion) -> Result<Deleted, DeleteError> {
        let organization = scope.organization();
        let place = (organization, deletion.key.clone());
        let mut tables = self.tables();
        let newest = tables.jobs.get(&place).and_then(|versions| versions.last());
        let version = deletion.judge(newest.map(|saved| saved.version))?;
        let mut killed = tables.open_results(organization, &deletion.key);
        let open = killed.len().min(MOST_KILLED + 1);
        killed.truncate(MOST_KILLED);
        match &deletion.kill {
            None if open > 0 => return Err(DeleteError::Open(open)),
            None => {}
            Some(kill) => {
                for id in &killed {
                    tables.kill(organization, *id, kill.clone()).map_err(impossible)?;
                }
            }
        }
        let complete = open <= MOST_KILLED;
        if complete {
            tables.forget_job(place, version);
        }
        Ok(Deleted { killed, complete })
    }
}

impl Tables {
    fn forget_job(&mut self, place: (OrganizationId, String), version: u32) {
        let (organization, key) = &place;
        self.schedules.retain(|_, saved| saved.organization != *organization || saved.job != *key);
        self.webhooks.retain(|_, webhook| webhook.organization != *organization || webhook.job != *key);
        self.jobs.remove(&place);
        self.deleted_jobs.insert(place, version);
    }

    /// The last version of a deleted job with this key, or with the key that a notification belongs to; 0 if
    /// none was deleted.
    pub(super) fn deleted_version(&self, organization: OrganizationId, job: &str) -> u32 {
        let place = (organization, job_of(job).to_owned());
        self.deleted_jobs.get(&place).copied().unwrap_or(0)
    }
}
