//! Modules: uploaded, installed, granted, upgraded and removed while the server runs.

mod upgrade;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use semver::{Version, VersionReq};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Modules;
use crate::model::Instant;
use crate::model::catalogue::{Catalogue, Offering};
use crate::model::fault::Fault;
use crate::model::grant::Grants;
use crate::model::module::{Installed, ModuleInfo, Owner, is_key};
use crate::model::organization::{Access, OrgScope, OrganizationId};
use crate::model::refusal::{JobUse, Refusal, RefusalCode};
use crate::model::rights::Operation;
use crate::node::blocking::blocking;
use crate::node::service_error::ServiceError;
use crate::node::{Node, new_id};
use crate::ports::StoreError;
use crate::ports::audit::without_entry;
use crate::ports::modules::{InstallError, RemoveError, UPLOADS_AT_MOST, Upload};

/// How long an upload is kept until it is installed.
const UPLOAD_LIFETIME: Duration = Duration::from_secs(3600);

pub use upgrade::Upgrade;

const TRUSTED_ONLY: &str =
    "This module is granted addresses that are not public, so only a server administrator may install a version of it.";
const PRIVATE_ONLY: &str = "Only a server administrator may grant addresses that are not public.";

impl Modules {
    /// The modules and the newest filter templates that an organization's jobs may use.
    ///
    /// # Errors
    /// The store failed.
    pub async fn catalogue(&self, scope: OrgScope) -> Result<Arc<Catalogue>, StoreError> {
        self.node.catalogues.newest(scope).await
    }

    /// What is granted to the modules of an organization, by key.
    ///
    /// # Errors
    /// The store failed.
    pub async fn grants(&self, scope: OrgScope) -> Result<BTreeMap<String, Grants>, StoreError> {
        self.node.stores.grants.grants(scope).await
    }

    /// The jobs that use a component, as far as the caller may see them.
    ///
    /// # Errors
    /// The store failed.
    pub async fn users(&self, scope: OrgScope, owner: Owner, digest: &str) -> Result<Vec<JobUse>, StoreError> {
        self.node.stores.modules.users(scope, owner, digest).await
    }

    /// Keeps a file for an hour, so that it can be installed.
    ///
    /// # Errors
    /// `Forbidden`, or there are too many uploads.
    pub async fn upload(&self, access: &Access, content: Arc<[u8]>) -> Result<Upload, ServiceError> {
        access.require(Operation::InstallModule)?;
        let digest = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        let upload = Upload { id: new_id(), digest, content, uploaded_at: self.node.clock.now() };
        if self.node.stores.uploads.keep(access.scope(), &upload, self.stale()).await? {
            return Ok(upload);
        }
        let message = format!(
            "there are already {UPLOADS_AT_MOST} uploads; install one of them, or wait until they expire after an hour"
        );
        Err(Refusal::invalid("", message).into())
    }

    /// Installs an upload as a module, for the organization or for all. The module is checked and compiled before
    /// anything is stored, and can be used when this returns.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn install(&self, access: &Access, upload: Uuid, owner: Owner) -> Result<Installed, ServiceError> {
        access.require_global(Operation::InstallModule, owner == Owner::Global)?;
        let busy =
            || Refusal::new(RefusalCode::Busy, "", "Other modules are being installed at the moment; try again later.");
        let _installing = self.node.catalogues.begin_install(access.organization.id).ok_or_else(busy)?;
        let found = self.node.stores.uploads.uploaded(access.scope(), upload, self.stale()).await?;
        let message = "There is no such upload. Uploads are kept for an hour; upload the module again.";
        let found = found.ok_or_else(|| Refusal::not_found("upload", message))?;
        let installed = self.install_component(access, found.content, owner).await;
        // A refused upload would be refused again, at the same cost.
        if !matches!(installed, Err(ServiceError::Store(_))) {
            without_entry(self.node.stores.uploads.forget(access.scope(), upload)).await?;
        }
        installed
    }

    /// Installs a component. See [`Modules::install`].
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn install_component(
        &self,
        access: &Access,
        component: Arc<[u8]>,
        owner: Owner,
    ) -> Result<Installed, ServiceError> {
        access.require_global(Operation::InstallModule, owner == Owner::Global)?;
        let info = self.node.actions.load(Arc::clone(&component)).await.map_err(refused)?;
        let (digest, known) = (info.digest.clone(), self.node.stores.modules.component(&info.digest).await?.is_some());
        let stored = self.store(access, info, component, owner).await;
        if stored.is_err() && !known && !self.is_bundled(&digest) {
            self.node.actions.unload(&digest);
        }
        stored
    }

    async fn store(
        &self,
        access: &Access,
        info: ModuleInfo,
        component: Arc<[u8]>,
        owner: Owner,
    ) -> Result<Installed, ServiceError> {
        if !access.server
            && self.granted(access, &info.key).await?.is_some_and(|grants| grants.reaches_private_addresses())
        {
            // The grant was meant for the versions that a server administrator has installed.
            return Err(forbidden(TRUSTED_ONLY));
        }
        let mut faults = self.faults_of(&info);
        faults.extend(self.find_quota_fault(access, owner, &info).await?);
        if !faults.is_empty() {
            return Err(faults.into());
        }
        let installed =
            Installed { info, owner, installed_at: Some(self.node.clock.now()), installed_by: access.who.clone() };
        let offered = installed.clone();
        blocking(|| Offering::new(offered).map(drop)).await?.map_err(refused)?;
        let stored = self.node.stores.modules.install(access.scope(), &installed, component).await;
        stored.map_err(|error| match error {
            InstallError::Store(error) => error.into(),
            taken => ServiceError::refused(RefusalCode::Taken, "module", taken.to_string()),
        })?;
        self.node.catalogues.drop_all();
        Ok(installed)
    }

    async fn find_quota_fault(
        &self,
        access: &Access,
        owner: Owner,
        info: &ModuleInfo,
    ) -> Result<Option<Fault>, StoreError> {
        let limit = access.organization.quotas.modules as usize;
        let installed = self.node.stores.modules.visible(access.scope()).await?;
        let own: Vec<_> = installed.iter().filter(|installed| installed.owner == Owner::Organization).collect();
        let is_installed = own.iter().any(|installed| installed.info.digest == info.digest);
        Ok((owner == Owner::Organization && own.len() >= limit && !is_installed).then(|| {
            let message = format!(
                "the organization already has {limit} versions of modules, which is its quota; remove one, or ask \
                 a server administrator for a higher quota"
            );
            Fault::at("module", message)
        }))
    }

    fn is_bundled(&self, digest: &str) -> bool {
        self.node.actions.bundled().iter().any(|info| info.digest == digest)
    }

    /// The faults of a module that only the engine can find.
    fn faults_of(&self, info: &ModuleInfo) -> Vec<Fault> {
        let mut faults = Vec::new();
        if !is_key(&info.key) {
            let message = format!(
                "its name `{}` cannot be a key; name the component in lower-case words joined by hyphens, at most 60 characters",
                info.key
            );
            faults.push(Fault::at("module", message));
        }
        if self.node.catalogues.has_bundled(&info.key) {
            let message =
                format!("the key `{}` belongs to a module that comes with the program; choose another", info.key);
            faults.push(Fault::at("module", message));
        }
        faults
    }

    /// What the organization grants to a module.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn grant(&self, access: &Access, key: &str, grants: &Grants) -> Result<(), ServiceError> {
        access.require(Operation::GrantModule)?;
        if !access.server && !grants.adds_no_addresses_to(self.granted(access, key).await?.as_ref()) {
            return Err(forbidden(PRIVATE_ONLY));
        }
        let catalogue = self.catalogue(access.scope()).await?;
        let versions = catalogue.versions(key);
        if versions.is_empty() {
            return Err(no_module(key).into());
        }
        let requested: BTreeSet<_> =
            versions.iter().flat_map(|version| version.installed.info.capabilities.iter().copied()).collect();
        let not_requested = grants.capabilities().filter(|capability| !requested.contains(capability));
        let faults: Vec<_> = not_requested
            .map(|capability| Fault::at(capability.word(), format!("`{key}` does not ask for `{capability}`")))
            .collect();
        if !faults.is_empty() {
            return Err(faults.into());
        }
        Ok(self.node.stores.grants.grant(access.scope(), key, grants).await?)
    }

    async fn granted(&self, access: &Access, key: &str) -> Result<Option<Grants>, StoreError> {
        Ok(self.node.stores.grants.grants(access.scope()).await?.remove(key))
    }

    /// Removes a version of a module that no job uses.
    ///
    /// # Errors
    /// `InUse` names the jobs; see [`ServiceError`].
    pub async fn remove(&self, access: &Access, key: &str, version: &str) -> Result<Installed, ServiceError> {
        access.require(Operation::RemoveModule)?;
        let catalogue = self.catalogue(access.scope()).await?;
        let offering = version_of(catalogue.versions(key), key, Some(version))?;
        let installed = offering.installed.clone();
        access.require_global(Operation::RemoveModule, installed.owner == Owner::Global)?;
        if installed.owner == Owner::Bundled {
            return Err(forbidden("A module that comes with the program cannot be removed."));
        }
        let version = installed.info.version.to_string();
        match self.node.stores.modules.uninstall(access.scope(), installed.owner, key, &version).await {
            Ok(gone) => {
                self.node.catalogues.drop_all();
                if gone && !self.is_bundled(&installed.info.digest) {
                    self.node.actions.unload(&installed.info.digest);
                }
                Ok(installed)
            }
            Err(RemoveError::Absent) => Err(no_module(key).into()),
            Err(RemoveError::InUse(users)) => Err(self.in_use(&installed, users).await?.into()),
            Err(RemoveError::Store(error)) => Err(error.into()),
        }
    }

    async fn in_use(&self, installed: &Installed, users: Vec<JobUse>) -> Result<Refusal, StoreError> {
        let named = name_users(&self.node, installed.owner, &users).await?;
        let message = format!("{installed} is in use by {named}; upgrade or change these jobs first.");
        Ok(Refusal { used_by: users, ..Refusal::new(RefusalCode::InUse, "module", message) })
    }

    fn stale(&self) -> Instant {
        self.node.clock.now() - UPLOAD_LIFETIME
    }
}

/// The first jobs of a list, as text. Each has its organization as a prefix if the owner is global.
pub(super) async fn name_users(node: &Node, owner: Owner, users: &[JobUse]) -> Result<String, StoreError> {
    const NAMED: usize = 10;
    let mut named = Vec::new();
    for user in users.iter().take(NAMED) {
        named.push(format!("{}{user}", organization_prefix(node, owner, user.organization).await?));
    }
    if users.len() > NAMED {
        named.push(format!("{} more", users.len() - NAMED));
    }
    Ok(named.join(", "))
}

/// The key of a job's organization as a prefix of the job's key, if the owner is global.
pub(super) async fn organization_prefix(
    node: &Node,
    owner: Owner,
    organization: OrganizationId,
) -> Result<String, StoreError> {
    let named = match owner {
        Owner::Global => node.stores.organizations.by_id(organization).await?,
        Owner::Organization | Owner::Bundled => None,
    };
    Ok(named.map_or_else(String::new, |named| format!("{}/", named.key)))
}

fn refused(faults: Vec<String>) -> ServiceError {
    faults.into_iter().map(|fault| Fault::at("module", fault)).collect::<Vec<_>>().into()
}

fn forbidden(message: &str) -> ServiceError {
    ServiceError::refused(RefusalCode::Forbidden, "", message)
}

fn version_of(versions: &[Arc<Offering>], key: &str, named: Option<&str>) -> Result<Arc<Offering>, Refusal> {
    let released = versions.iter().find(|offering| offering.installed.info.version.pre.is_empty());
    let found = match named {
        None => released.or_else(|| versions.first()),
        Some(named) => {
            let exact = Version::parse(named).ok();
            let range = VersionReq::parse(named).ok();
            let fits = |offering: &&Arc<Offering>| match &exact {
                Some(exact) => offering.installed.info.version == *exact,
                None => range.as_ref().is_some_and(|range| range.matches(&offering.installed.info.version)),
            };
            versions.iter().find(fits)
        }
    };
    found.cloned().ok_or_else(|| match versions {
        [] => no_module(key),
        _ => {
            let installed: Vec<_> =
                versions.iter().map(|offering| offering.installed.info.version.to_string()).collect();
            let (named, installed) = (named.unwrap_or_default(), installed.join(", "));
            Refusal::not_found(
                "module",
                format!("The version {key}@{named} is not installed; these versions are: {installed}."),
            )
        }
    })
}

fn no_module(key: &str) -> Refusal {
    Refusal::not_found("module", format!("There is no module `{key}` in this organization."))
}
