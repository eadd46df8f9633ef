//! The modules and filter templates of each organization, as catalogues that are ready to
//! be looked at.
//!
//! What the store has is read once for each organization and compiled. Installing and
//! removing modules make every organization's catalogue be read again; a filter template
//! that changed, only the templates of those who see it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::engine::Engine;
use crate::model::catalogue::{Catalogue, Offering};
use crate::model::filter_template::{FilterTemplate, TemplateVersion, Templates};
use crate::model::module::{Installed, ModuleInfo, Owner};
use crate::model::organization::{OrgScope, OrganizationId};
use crate::ports::StoreError;
use crate::ports::templates::SavedTemplate;

/// Installations at once, on this node.
const INSTALLS_AT_ONCE: usize = 4;
/// How many filter templates are read at once.
const PAGE: u32 = 200;

/// Catalogues that were read, and modules whose schemas were compiled.
pub(crate) struct Shelf {
    bundled: Vec<Arc<Offering>>,
    /// The organizations for which a module is being installed: it is held in memory meanwhile.
    installing: Arc<Mutex<HashSet<OrganizationId>>>,
    /// Held by whoever changes a template, and shared by those who save jobs: so no job is
    /// saved with a template that changes under its hands.
    templates: RwLock<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Modules alone, since they take long to compile.
    modules: HashMap<OrganizationId, Arc<Catalogue>>,
    /// Modules and templates.
    catalogues: HashMap<OrganizationId, Arc<Catalogue>>,
    /// Grows with each change, so that what was read before it is not kept after it.
    changes: u64,
}

impl Shelf {
    pub(crate) fn of(bundled: Vec<ModuleInfo>) -> Self {
        let installed = |info| Installed {
            info,
            owner: Owner::Bundled,
            installed_at: None,
            installed_by: "the program".to_owned(),
        };
        let bundled = bundled.into_iter().filter_map(|info| offering(installed(info))).collect();
        Self { bundled, installing: Arc::default(), templates: RwLock::default(), state: Mutex::default() }
    }

    /// Whether a module with this key comes with the program.
    pub(crate) fn has_bundled(&self, key: &str) -> bool {
        self.bundled.iter().any(|offering| offering.installed.info.key == key)
    }

    /// Lets one module at a time be installed for an organization, and a few in all.
    pub(crate) fn begin_install(&self, organization: OrganizationId) -> Option<Installing> {
        let mut installing = self.installing.lock().unwrap_or_else(PoisonError::into_inner);
        let free = installing.len() < INSTALLS_AT_ONCE && installing.insert(organization);
        free.then(|| Installing { organization, all: Arc::clone(&self.installing) })
    }

    /// What is installed has changed.
    pub(crate) fn changed(&self) {
        let mut state = self.state();
        state.changes += 1;
        state.modules.clear();
        state.catalogues.clear();
    }

    /// A filter template has changed: of an organization, or of all.
    pub(crate) fn template_changed(&self, holder: Option<OrganizationId>) {
        let mut state = self.state();
        state.changes += 1;
        state.catalogues.retain(|organization, _| holder.is_some_and(|holder| holder != *organization));
    }

    /// Lets nobody else change a template, or save a job, until what is given is dropped.
    pub(crate) async fn change_templates(&self) -> RwLockWriteGuard<'_, ()> {
        self.templates.write().await
    }

    /// Lets nobody change a template until what is given is dropped.
    pub(crate) async fn hold_templates(&self) -> RwLockReadGuard<'_, ()> {
        self.templates.read().await
    }

    /// Reading and clearing leave the state whole wherever they break off.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, organization: OrganizationId) -> Known {
        let state = self.state();
        Known {
            modules: state.modules.get(&organization).cloned(),
            whole: state.catalogues.get(&organization).cloned(),
            read_at: state.changes,
        }
    }

    fn keep(&self, organization: OrganizationId, modules: &Arc<Catalogue>, whole: &Arc<Catalogue>, read_at: u64) {
        let mut state = self.state();
        if state.changes == read_at {
            state.modules.insert(organization, Arc::clone(modules));
            state.catalogues.insert(organization, Arc::clone(whole));
        }
    }
}

/// What is on the shelf for an organization, at a moment.
struct Known {
    modules: Option<Arc<Catalogue>>,
    whole: Option<Arc<Catalogue>>,
    read_at: u64,
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

/// A module was checked when it was installed; one that a newer program cannot read any more
/// is missing from the catalogue, and the log says so.
fn offering(installed: Installed) -> Option<Arc<Offering>> {
    let name = installed.to_string();
    match Offering::new(installed) {
        Ok(offering) => Some(Arc::new(offering)),
        Err(faults) => {
            tracing::error!(module = name, faults = faults.join("; "), "an installed module cannot be offered");
            None
        }
    }
}

/// The same of a filter template.
fn template(saved: &SavedTemplate) -> Option<Arc<FilterTemplate>> {
    let TemplateVersion { key, version } = &saved.named;
    match FilterTemplate::read(&saved.document, *version) {
        Ok(template) => Some(Arc::new(template)),
        Err(faults) => {
            let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
            tracing::error!(template = key, version, faults = faults.join("; "), "a filter template cannot be used");
            None
        }
    }
}

/// Reads away from the threads that answer calls: schemas may take a while to compile.
async fn aside<T: Send + 'static>(read: impl FnOnce() -> T + Send + 'static) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(read).await.map_err(|error| StoreError::Unavailable(Box::new(error)))
}

impl Engine {
    /// The modules and the newest filter templates that the organization's jobs may use.
    ///
    /// # Errors
    /// The store failed.
    pub async fn catalogue(&self, scope: OrgScope) -> Result<Arc<Catalogue>, StoreError> {
        let organization = scope.organization();
        let Known { modules, whole, read_at } = self.shelf.known(organization);
        if let Some(whole) = whole {
            return Ok(whole);
        }
        let modules = match modules {
            Some(modules) => modules,
            None => self.read_modules(scope).await?,
        };
        let saved = self.every_template(scope).await?;
        let templates = aside(move || Templates::new(saved.iter().filter_map(template))).await?;
        let whole = Arc::new(modules.with_templates(templates));
        self.shelf.keep(organization, &modules, &whole, read_at);
        Ok(whole)
    }

    /// The same with these versions of filter templates, as a job result noted them.
    ///
    /// # Errors
    /// The store failed.
    pub async fn catalogue_at(
        &self,
        scope: OrgScope,
        versions: &[TemplateVersion],
    ) -> Result<Arc<Catalogue>, StoreError> {
        let newest = self.catalogue(scope).await?;
        let missing = newest.templates().missing(versions);
        if missing.is_empty() {
            return Ok(newest);
        }
        let mut saved = Vec::new();
        for TemplateVersion { key, version } in missing {
            saved.extend(self.templates.find_template(scope, &key, Some(version)).await?);
        }
        let at_hand = aside(move || saved.iter().filter_map(template).collect::<Vec<_>>()).await?;
        Ok(Arc::new(newest.with_templates(newest.templates().at(versions, at_hand))))
    }

    async fn read_modules(&self, scope: OrgScope) -> Result<Arc<Catalogue>, StoreError> {
        let installed = self.modules.visible(scope).await?;
        let offerings = aside(|| installed.into_iter().filter_map(offering).collect::<Vec<_>>()).await?;
        Ok(Arc::new(Catalogue::new(self.shelf.bundled.iter().cloned().chain(offerings))))
    }

    async fn every_template(&self, scope: OrgScope) -> Result<Vec<SavedTemplate>, StoreError> {
        let (mut all, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = self.templates.list_templates(scope, after.as_deref(), PAGE).await?;
            after = page.items.last().map(|saved| saved.named.key.clone());
            all.extend(page.items);
            if !page.more {
                return Ok(all);
            }
        }
    }
}
