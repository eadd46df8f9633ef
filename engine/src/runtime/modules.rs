//! Modules: sent, installed, granted, upgraded and removed while the server runs.

mod ready;
mod upgrade;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use semver::{Version, VersionReq};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::engine::Engine;
use crate::model::Instant;
use crate::model::catalogue::Offering;
use crate::model::fault::Fault;
use crate::model::grant::Grants;
use crate::model::module::{Installed, ModuleInfo, Owner, is_key};
use crate::model::organization::{Access, Role};
use crate::ports::StoreError;
use crate::ports::modules::{InstallError, RemoveError, UPLOADS_AT_MOST, Upload, User};

/// How long an upload waits to be used.
const KEPT: Duration = Duration::from_secs(3600);

pub use upgrade::Upgrade;

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ModuleError {
    /// The caller may not.
    #[error("{0}")]
    Forbidden(&'static str),
    /// What was asked for is wrong: every fault.
    #[error("the request has {} faults", .0.len())]
    Faults(Vec<Fault>),
    /// There is no such module, version or upload.
    #[error("{0}")]
    Absent(String),
    /// The key or the version is in use by another component.
    #[error("{0}")]
    Taken(String),
    /// Jobs use it: one sentence, and the jobs of the caller's organization.
    #[error("{message}")]
    InUse {
        /// Who uses it.
        message: String,
        /// The jobs.
        users: Vec<User>,
    },
    /// Another module is being installed for the organization, or many for others.
    #[error("other modules are being installed; try again when they are")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<InstallError> for ModuleError {
    fn from(error: InstallError) -> Self {
        match error {
            InstallError::Store(error) => Self::Store(error),
            taken => Self::Taken(taken.to_string()),
        }
    }
}

const SERVER_ONLY: &str = "What is global is installed, upgraded and removed by server administrators only.";
const TRUSTED_ONLY: &str = "This module is granted addresses that are not public, so that its versions are installed by server administrators only.";
const PRIVATE_ONLY: &str = "Addresses that are not public are granted by server administrators only.";

impl Engine {
    /// Keeps a file that is to be installed, for an hour.
    ///
    /// # Errors
    /// `Forbidden`, or too many of them are waiting.
    pub async fn upload(&self, access: &Access, content: Arc<[u8]>) -> Result<Upload, ModuleError> {
        administers(access, Owner::Organization)?;
        let digest = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        let upload = Upload { id: Self::new_id(), digest, content, uploaded_at: self.clock.now() };
        if self.uploads.keep(access.scope(), &upload, self.stale()).await? {
            return Ok(upload);
        }
        let message = format!("{UPLOADS_AT_MOST} uploads are waiting already; install them, or wait for an hour");
        Err(ModuleError::Faults(vec![Fault::at("", message)]))
    }

    /// Installs an upload as a module, for the organization or for all. It is checked and
    /// compiled before anything is stored, and in use when this answers.
    ///
    /// # Errors
    /// See [`ModuleError`].
    pub async fn install_module(&self, access: &Access, upload: Uuid, owner: Owner) -> Result<Installed, ModuleError> {
        administers(access, owner)?;
        let _turn = self.shelf.begin_install(access.organization.id).ok_or(ModuleError::Busy)?;
        let found = self.uploads.uploaded(access.scope(), upload, self.stale()).await?;
        let found = found.ok_or_else(|| {
            ModuleError::Absent(
                "There is no such upload; send the module again, uploads are kept for an hour.".to_owned(),
            )
        })?;
        let installed = self.install(access, found.content, owner).await;
        // What was refused once is refused again, and costs as much.
        if !matches!(installed, Err(ModuleError::Store(_))) {
            self.uploads.forget(access.scope(), upload).await?;
        }
        installed
    }

    /// Installs a component. See [`Engine::install_module`].
    ///
    /// # Errors
    /// See [`ModuleError`].
    pub async fn install(&self, access: &Access, component: Arc<[u8]>, owner: Owner) -> Result<Installed, ModuleError> {
        administers(access, owner)?;
        let refused = |faults: Vec<String>| {
            ModuleError::Faults(faults.into_iter().map(|fault| Fault::at("module", fault)).collect())
        };
        let info = self.actions.load(Arc::clone(&component)).await.map_err(refused)?;
        let (digest, known) = (info.digest.clone(), self.modules.component(&info.digest).await?.is_some());
        let stored = self.store(access, info, component, owner).await;
        if stored.is_err() && !known && !self.is_bundled(&digest) {
            self.actions.unload(&digest);
        }
        stored
    }

    async fn store(
        &self,
        access: &Access,
        info: ModuleInfo,
        component: Arc<[u8]>,
        owner: Owner,
    ) -> Result<Installed, ModuleError> {
        if !access.server
            && self.granted(access, &info.key).await?.is_some_and(|grants| grants.reaches_private_addresses())
        {
            // The grant was for what a server administrator had before him.
            return Err(ModuleError::Forbidden(TRUSTED_ONLY));
        }
        let mut faults = self.faults_of(&info);
        faults.extend(self.fault_of_number(access, owner, &info).await?);
        if !faults.is_empty() {
            return Err(ModuleError::Faults(faults));
        }
        let installed =
            Installed { info, owner, installed_at: Some(self.clock.now()), installed_by: access.who.clone() };
        let offered = installed.clone();
        let compiled = tokio::task::spawn_blocking(|| Offering::new(offered).map(drop));
        let compiled = compiled.await.unwrap_or_else(|error| Err(vec![format!("its schemas cannot be read: {error}")]));
        if let Err(faults) = compiled {
            let faults = faults.into_iter().map(|fault| Fault::at("module", fault));
            return Err(ModuleError::Faults(faults.collect()));
        }
        self.modules.install(access.scope(), &installed, component).await?;
        self.shelf.changed();
        Ok(installed)
    }

    async fn fault_of_number(
        &self,
        access: &Access,
        owner: Owner,
        info: &ModuleInfo,
    ) -> Result<Option<Fault>, StoreError> {
        let most = access.organization.quotas.modules as usize;
        let installed = self.modules.visible(access.scope()).await?;
        let own: Vec<_> = installed.iter().filter(|installed| installed.owner == Owner::Organization).collect();
        let is_there = own.iter().any(|installed| installed.info.digest == info.digest);
        Ok((owner == Owner::Organization && own.len() >= most && !is_there).then(|| {
            let told = format!(
                "the organization may have {most} versions of modules, and has them; remove one, or ask a server \
                 administrator for a higher quota"
            );
            Fault::at("module", told)
        }))
    }

    fn is_bundled(&self, digest: &str) -> bool {
        self.actions.bundled().iter().any(|info| info.digest == digest)
    }

    /// What only the engine can say of a module.
    fn faults_of(&self, info: &ModuleInfo) -> Vec<Fault> {
        let mut faults = Vec::new();
        if !is_key(&info.key) {
            let message = format!(
                "its name `{}` cannot be a key; name the component in lower-case words joined by hyphens, at most 60 characters",
                info.key
            );
            faults.push(Fault::at("module", message));
        }
        if self.shelf.has_bundled(&info.key) {
            let message =
                format!("the key `{}` belongs to a module that comes with the program; choose another", info.key);
            faults.push(Fault::at("module", message));
        }
        faults
    }

    /// What the organization grants to a module.
    ///
    /// # Errors
    /// See [`ModuleError`].
    pub async fn grant_module(&self, access: &Access, key: &str, grants: &Grants) -> Result<(), ModuleError> {
        administers(access, Owner::Organization)?;
        if !access.server && !grants.adds_no_addresses_to(self.granted(access, key).await?.as_ref()) {
            return Err(ModuleError::Forbidden(PRIVATE_ONLY));
        }
        let catalogue = self.catalogue(access.scope()).await?;
        let versions = catalogue.versions(key);
        if versions.is_empty() {
            return Err(no_module(key));
        }
        let asked: BTreeSet<_> =
            versions.iter().flat_map(|version| version.installed.info.capabilities.iter().copied()).collect();
        let unasked = grants.capabilities().filter(|capability| !asked.contains(capability));
        let faults: Vec<_> = unasked
            .map(|capability| Fault::at(capability.word(), format!("`{key}` does not ask for `{capability}`")))
            .collect();
        if !faults.is_empty() {
            return Err(ModuleError::Faults(faults));
        }
        Ok(self.grants.grant(access.scope(), key, grants).await?)
    }

    async fn granted(&self, access: &Access, key: &str) -> Result<Option<Grants>, StoreError> {
        Ok(self.grants.grants(access.scope()).await?.remove(key))
    }

    /// Removes a version of a module that no job uses.
    ///
    /// # Errors
    /// `InUse` says by whom; see [`ModuleError`].
    pub async fn remove_module(&self, access: &Access, key: &str, version: &str) -> Result<Installed, ModuleError> {
        let catalogue = self.catalogue(access.scope()).await?;
        let offering = version_of(catalogue.versions(key), key, Some(version))?;
        let installed = offering.installed.clone();
        administers(access, installed.owner)?;
        if installed.owner == Owner::Bundled {
            return Err(ModuleError::Forbidden("What comes with the program cannot be removed."));
        }
        let version = installed.info.version.to_string();
        match self.modules.uninstall(access.scope(), installed.owner, key, &version).await {
            Ok(gone) => {
                self.shelf.changed();
                if gone && !self.is_bundled(&installed.info.digest) {
                    self.actions.unload(&installed.info.digest);
                }
                Ok(installed)
            }
            Err(RemoveError::Absent) => Err(no_module(key)),
            Err(RemoveError::InUse(users)) => Err(self.in_use(&installed, users).await?),
            Err(RemoveError::Store(error)) => Err(error.into()),
        }
    }

    async fn in_use(&self, installed: &Installed, users: Vec<User>) -> Result<ModuleError, StoreError> {
        const TOLD: usize = 10;
        let mut told = Vec::new();
        for user in users.iter().take(TOLD) {
            let organization = match installed.owner {
                Owner::Global => self.organizations.by_id(user.organization).await?.map(|one| format!("{}/", one.key)),
                _ => None,
            };
            told.push(format!("{}{user}", organization.unwrap_or_default()));
        }
        if users.len() > TOLD {
            told.push(format!("{} more", users.len() - TOLD));
        }
        let message = format!("{installed} is in use by {}; upgrade or change these jobs first.", told.join(", "));
        Ok(ModuleError::InUse { message, users })
    }

    fn stale(&self) -> Instant {
        self.clock.now() - KEPT
    }
}

fn version_of(versions: &[Arc<Offering>], key: &str, named: Option<&str>) -> Result<Arc<Offering>, ModuleError> {
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
            let there: Vec<_> = versions.iter().map(|offering| offering.installed.info.version.to_string()).collect();
            ModuleError::Absent(format!(
                "There is no {key}@{}; installed are {}.",
                named.unwrap_or_default(),
                there.join(", ")
            ))
        }
    })
}

fn no_module(key: &str) -> ModuleError {
    ModuleError::Absent(format!("There is no module `{key}` in this organization."))
}

fn administers(access: &Access, owner: Owner) -> Result<(), ModuleError> {
    match owner {
        Owner::Global if !access.server => Err(ModuleError::Forbidden(SERVER_ONLY)),
        _ if access.role < Role::Admin => Err(ModuleError::Forbidden("Modules need the role `admin`.")),
        _ => Ok(()),
    }
}
