//! A cache of catalogues: the modules and filter templates that each organization may use, read from the store and
//! compiled.
//!
//! When a module is installed or removed, all catalogues are dropped. When a filter template changes, only the
//! templates of the organizations that see it are read again.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::model::catalogue::{Catalogue, Offering};
use crate::model::filter_template::{FilterTemplate, Templates};
use crate::model::module::{Installed, ModuleInfo, Owner};
use crate::model::organization::{OrgScope, OrganizationId};
use crate::model::template_version::TemplateVersion;
use crate::node::blocking::blocking;
use crate::node::listing::list_all;
use crate::ports::StoreError;
use crate::ports::modules::Modules;
use crate::ports::stores::Stores;
use crate::ports::templates::{FilterTemplates, SavedTemplate};

/// How many modules are installed on this node at the same time.
const MAX_INSTALLS: usize = 4;
/// How many filter templates are read with one query.
const PAGE: u32 = 200;

/// Cached catalogues.
pub struct CatalogueCache {
    modules: Arc<dyn Modules>,
    templates: Arc<dyn FilterTemplates>,
    bundled: Vec<Arc<Offering>>,
    /// The organizations for which a module is being installed. It is in memory meanwhile.
    installing: Arc<Mutex<HashSet<OrganizationId>>>,
    /// Held exclusively while a template changes, and shared while jobs are saved, so that no job is saved with a
    /// template that changes meanwhile.
    template_lock: RwLock<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Only the modules, because they take long to compile.
    modules: HashMap<OrganizationId, Arc<Catalogue>>,
    /// Modules and templates.
    catalogues: HashMap<OrganizationId, Arc<Catalogue>>,
    /// How many changes there were: a catalogue that was read before a change is not cached after it.
    changes: u64,
}

impl CatalogueCache {
    pub(crate) fn new(stores: &Stores, bundled: Vec<ModuleInfo>) -> Self {
        let installed = |info| Installed {
            info,
            owner: Owner::Bundled,
            installed_at: None,
            installed_by: "the program".to_owned(),
        };
        let bundled = bundled.into_iter().filter_map(|info| offering(installed(info))).collect();
        Self {
            modules: Arc::clone(&stores.modules),
            templates: Arc::clone(&stores.templates),
            bundled,
            installing: Arc::default(),
            template_lock: RwLock::default(),
            state: Mutex::default(),
        }
    }

    /// Whether a module with this key comes with the program.
    pub(crate) fn has_bundled(&self, key: &str) -> bool {
        self.bundled.iter().any(|offering| offering.installed.info.key == key)
    }

    /// Begins an installation, unless another module is being installed for the organization, or too many in all.
    pub(crate) fn begin_install(&self, organization: OrganizationId) -> Option<Installing> {
        let mut installing = self.installing.lock().unwrap_or_else(PoisonError::into_inner);
        let free = installing.len() < MAX_INSTALLS && installing.insert(organization);
        free.then(|| Installing { organization, all: Arc::clone(&self.installing) })
    }

    /// Drops all catalogues, because a module was installed or removed.
    pub(crate) fn drop_all(&self) {
        let mut state = self.state();
        state.changes += 1;
        state.modules.clear();
        state.catalogues.clear();
    }

    /// Drops the templates of an organization, or of all, because one has changed.
    pub(crate) fn drop_templates(&self, owner: Option<OrganizationId>) {
        let mut state = self.state();
        state.changes += 1;
        state.catalogues.retain(|organization, _| owner.is_some_and(|owner| owner != *organization));
    }

    /// Lets nobody else change a template, or save a job, until the guard is dropped.
    pub(crate) async fn lock_templates(&self) -> RwLockWriteGuard<'_, ()> {
        self.template_lock.write().await
    }

    /// Lets nobody change a template until the guard is dropped.
    pub(crate) async fn lock_templates_shared(&self) -> RwLockReadGuard<'_, ()> {
        self.template_lock.read().await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, organization: OrganizationId) -> Cached {
        let state = self.state();
        Cached {
            modules: state.modules.get(&organization).cloned(),
            whole: state.catalogues.get(&organization).cloned(),
            changes: state.changes,
        }
    }

    fn keep(&self, organization: OrganizationId, modules: &Arc<Catalogue>, whole: &Arc<Catalogue>, changes: u64) {
        let mut state = self.state();
        if state.changes == changes {
            state.modules.insert(organization, Arc::clone(modules));
            state.catalogues.insert(organization, Arc::clone(whole));
        }
    }
}

/// What is cached for an organization.
struct Cached {
    modules: Option<Arc<Catalogue>>,
    whole: Option<Arc<Catalogue>>,
    /// How many changes there were when the cache was read.
    changes: u64,
}

/// A module that is being installed.
pub(crate) struct Installing {
    organization: OrganizationId,
    all: Arc<Mutex<HashSet<OrganizationId>>>,
}

impl Drop for Installing {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.organization);
    }
}

/// A module was checked when it was installed. One that a newer version of the program cannot read is left out of the
/// catalogue, and reported in the log.
fn offering(installed: Installed) -> Option<Arc<Offering>> {
    let name = installed.to_string();
    match Offering::new(installed) {
        Ok(offering) => Some(Arc::new(offering)),
        Err(faults) => {
            tracing::error!(
                module = name,
                faults = faults.join("; "),
                "an installed module cannot be read, so its actions are missing"
            );
            None
        }
    }
}

/// The same for a filter template.
fn template(saved: &SavedTemplate) -> Option<Arc<FilterTemplate>> {
    let TemplateVersion { key, version } = &saved.named;
    match FilterTemplate::read(&saved.document, *version) {
        Ok(template) => Some(Arc::new(template)),
        Err(faults) => {
            let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
            tracing::error!(
                template = key,
                version,
                faults = faults.join("; "),
                "a filter template cannot be read, so it is missing"
            );
            None
        }
    }
}

impl CatalogueCache {
    /// The modules and the newest filter templates that the organization's jobs may use.
    ///
    /// # Errors
    /// The store failed.
    pub async fn newest(&self, scope: OrgScope) -> Result<Arc<Catalogue>, StoreError> {
        let organization = scope.organization();
        let Cached { modules, whole, changes } = self.find(organization);
        if let Some(whole) = whole {
            return Ok(whole);
        }
        let modules = match modules {
            Some(modules) => modules,
            None => self.read_modules(scope).await?,
        };
        let saved = self.every_template(scope).await?;
        let templates = blocking(move || Templates::new(saved.iter().filter_map(template))).await?;
        let whole = Arc::new(modules.with_templates(templates));
        self.keep(organization, &modules, &whole, changes);
        Ok(whole)
    }

    /// The same with these versions of filter templates, which a job result recorded.
    ///
    /// # Errors
    /// The store failed.
    pub async fn at(&self, scope: OrgScope, versions: &[TemplateVersion]) -> Result<Arc<Catalogue>, StoreError> {
        let newest = self.newest(scope).await?;
        let missing = newest.templates().missing(versions);
        if missing.is_empty() {
            return Ok(newest);
        }
        let mut saved = Vec::new();
        for TemplateVersion { key, version } in missing {
            saved.extend(self.templates.find_template(scope, &key, Some(version)).await?);
        }
        let at_hand = blocking(move || saved.iter().filter_map(template).collect::<Vec<_>>()).await?;
        Ok(Arc::new(newest.with_templates(newest.templates().at(versions, at_hand))))
    }

    async fn read_modules(&self, scope: OrgScope) -> Result<Arc<Catalogue>, StoreError> {
        let installed = self.modules.visible(scope).await?;
        let offerings = blocking(|| installed.into_iter().filter_map(offering).collect::<Vec<_>>()).await?;
        Ok(Arc::new(Catalogue::new(self.bundled.iter().cloned().chain(offerings))))
    }

    async fn every_template(&self, scope: OrgScope) -> Result<Vec<SavedTemplate>, StoreError> {
        let key = |saved: &SavedTemplate| saved.named.key.clone();
        let page =
            |after: Option<String>| async move { self.templates.list_templates(scope, after.as_deref(), PAGE).await };
        list_all(page, key, |_| true).await
    }
}
