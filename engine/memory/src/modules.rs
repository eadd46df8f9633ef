//! Modules, grants and uploads, in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use super::{MemoryStore, Tables};
use engine::model::Instant;
use engine::model::grant::Grants;
use engine::model::module::{Installed, Owner};
use engine::model::organization::{OrgScope, OrganizationId};
use engine::model::refusal::JobUse;
use engine::ports::StoreError;
use engine::ports::jobs::SavedJob;
use engine::ports::modules::{GrantBook, InstallError, Modules, RemoveError, UPLOADS_AT_MOST, Upload, Uploads};

/// The owner of a module: an organization, or all.
pub(super) type Holder = Option<OrganizationId>;

pub(super) fn holder(scope: OrgScope, owner: Owner) -> Holder {
    (owner == Owner::Organization).then(|| scope.organization())
}

#[async_trait]
impl Modules for MemoryStore {
    async fn install(&self, scope: OrgScope, module: &Installed, component: Arc<[u8]>) -> Result<(), InstallError> {
        let mut tables = self.tables();
        let holder = holder(scope, module.owner);
        let key = &module.info.key;
        let foreign = |other: &Holder| (other.is_none()) != holder.is_none();
        if tables.modules.iter().any(|(other, installed)| installed.info.key == *key && foreign(other)) {
            return Err(InstallError::KeyTaken(key.clone()));
        }
        let own = tables.modules.iter().filter(|(other, _)| *other == holder);
        let same = own.map(|(_, installed)| installed).find(|installed| {
            installed.info.key == *key && installed.info.version.to_string() == module.info.version.to_string()
        });
        match same {
            Some(installed) if installed.info.digest == module.info.digest => Ok(()),
            Some(installed) => Err(InstallError::VersionTaken(installed.to_string())),
            None => {
                tables.modules.push((holder, module.clone()));
                tables.components.insert(module.info.digest.clone(), component);
                Ok(())
            }
        }
    }

    async fn visible(&self, scope: OrgScope) -> Result<Vec<Installed>, StoreError> {
        let tables = self.tables();
        let visible = |holder: &Holder| holder.is_none_or(|organization| organization == scope.organization());
        Ok(tables.modules.iter().filter(|(holder, _)| visible(holder)).map(|(_, module)| module.clone()).collect())
    }

    async fn digests(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.tables().components.keys().cloned().collect())
    }

    async fn component(&self, digest: &str) -> Result<Option<Arc<[u8]>>, StoreError> {
        Ok(self.tables().components.get(digest).cloned())
    }

    async fn users(&self, scope: OrgScope, owner: Owner, digest: &str) -> Result<Vec<JobUse>, StoreError> {
        Ok(self.tables().users_of_module(holder(scope, owner), digest))
    }

    async fn uninstall(&self, scope: OrgScope, owner: Owner, key: &str, version: &str) -> Result<bool, RemoveError> {
        let holder = holder(scope, owner);
        let mut tables = self.tables();
        let found = tables.modules.iter().position(|(other, module)| {
            *other == holder && module.info.key == key && module.info.version.to_string() == version
        });
        let found = found.ok_or(RemoveError::Absent)?;
        let digest = tables.modules[found].1.info.digest.clone();
        let users = tables.users_of_module(holder, &digest);
        if !users.is_empty() {
            return Err(RemoveError::InUse(users));
        }
        tables.modules.remove(found);
        if !tables.modules.iter().any(|(other, module)| *other == holder && module.info.key == key) {
            tables.grants.retain(|(organization, module), _| {
                module != key || holder.is_some_and(|holder| holder != *organization)
            });
        }
        let gone = !tables.modules.iter().any(|(_, module)| module.info.digest == digest);
        if gone {
            tables.components.remove(&digest);
        }
        Ok(gone)
    }
}

impl Tables {
    /// Whether the jobs of the organization may use the component.
    pub(super) fn has_module(&self, scope: OrgScope, digest: &str) -> bool {
        let visible = |holder: &Holder| holder.is_none_or(|organization| organization == scope.organization());
        self.modules.iter().any(|(holder, module)| visible(holder) && module.info.digest == digest)
    }

    fn users_of_module(&self, holder: Holder, digest: &str) -> Vec<JobUse> {
        self.users(holder, |saved| saved.pins.iter().any(|pin| pin.module.digest == digest))
    }

    /// The versions of jobs that are in use and use something: those of the holder, or of all.
    pub(super) fn users(&self, holder: Holder, uses: impl Fn(&SavedJob) -> bool) -> Vec<JobUse> {
        let mut users = Vec::new();
        let own = |organization: &OrganizationId| holder.is_none_or(|holder| holder == *organization);
        for ((organization, key), versions) in self.jobs.iter().filter(|((organization, _), _)| own(organization)) {
            let newest = versions.last().map(|saved| saved.version);
            let running = self.results.iter().filter(|((owner, _), entry)| {
                owner == organization && entry.result.job == *key && !entry.result.status.is_final()
            });
            let running: Vec<_> = running.map(|(_, entry)| entry.result.version).collect();
            let used = versions
                .iter()
                .filter(|saved| (newest == Some(saved.version) || running.contains(&saved.version)) && uses(saved));
            users.extend(used.map(|saved| JobUse {
                organization: *organization,
                job: key.clone(),
                version: saved.version,
            }));
        }
        users
    }
}

#[async_trait]
impl GrantBook for MemoryStore {
    async fn grants(&self, scope: OrgScope) -> Result<BTreeMap<String, Grants>, StoreError> {
        let tables = self.tables();
        let own = tables.grants.iter().filter(|((organization, _), _)| *organization == scope.organization());
        Ok(own.map(|((_, module), grants)| (module.clone(), grants.clone())).collect())
    }

    async fn grant(&self, scope: OrgScope, module: &str, grants: &Grants) -> Result<(), StoreError> {
        self.tables().grants.insert((scope.organization(), module.to_owned()), grants.clone());
        Ok(())
    }
}

#[async_trait]
impl Uploads for MemoryStore {
    async fn keep(&self, scope: OrgScope, upload: &Upload, stale: Instant) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        tables.uploads.retain(|_, upload| upload.uploaded_at > stale);
        let own = tables.uploads.keys().filter(|(organization, _)| *organization == scope.organization()).count();
        if own >= UPLOADS_AT_MOST {
            return Ok(false);
        }
        tables.uploads.insert((scope.organization(), upload.id), upload.clone());
        Ok(true)
    }

    async fn uploaded(&self, scope: OrgScope, id: Uuid, stale: Instant) -> Result<Option<Upload>, StoreError> {
        let tables = self.tables();
        let found = tables.uploads.get(&(scope.organization(), id));
        Ok(found.filter(|upload| upload.uploaded_at > stale).cloned())
    }

    async fn forget(&self, scope: OrgScope, id: Uuid) -> Result<(), StoreError> {
        self.tables().uploads.remove(&(scope.organization(), id));
        Ok(())
    }
}
