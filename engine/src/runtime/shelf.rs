//! The modules of each organization, as catalogues that are ready to be looked at.
//!
//! What the store has is read once for each organization and compiled; installing
//! and removing make every organization's catalogue be read again.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::engine::Engine;
use crate::model::catalogue::{Catalogue, Offering};
use crate::model::module::{Installed, ModuleInfo, Owner};
use crate::model::organization::{OrgScope, OrganizationId};
use crate::ports::StoreError;

/// Installations at once, on this node.
const INSTALLS_AT_ONCE: usize = 4;

/// Catalogues that were read, and modules whose schemas were compiled.
pub(crate) struct Shelf {
    bundled: Vec<Arc<Offering>>,
    /// The organizations for which a module is being installed: it is held in memory meanwhile.
    installing: Arc<Mutex<HashSet<OrganizationId>>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
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
        Self { bundled, installing: Arc::default(), state: Mutex::default() }
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
        state.catalogues.clear();
    }

    /// Reading and clearing leave the state whole wherever they break off.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, organization: OrganizationId) -> (Option<Arc<Catalogue>>, u64) {
        let state = self.state();
        (state.catalogues.get(&organization).cloned(), state.changes)
    }

    fn keep(&self, organization: OrganizationId, catalogue: &Arc<Catalogue>, read_at: u64) {
        let mut state = self.state();
        if state.changes == read_at {
            state.catalogues.insert(organization, Arc::clone(catalogue));
        }
    }
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

impl Engine {
    /// The modules that the organization's jobs may use.
    ///
    /// # Errors
    /// The store failed.
    pub async fn catalogue(&self, scope: OrgScope) -> Result<Arc<Catalogue>, StoreError> {
        let organization = scope.organization();
        let (known, read_at) = self.shelf.known(organization);
        if let Some(known) = known {
            return Ok(known);
        }
        let installed = self.modules.visible(scope).await?;
        // Schemas may take a while to compile.
        let offerings = tokio::task::spawn_blocking(|| installed.into_iter().filter_map(offering).collect::<Vec<_>>());
        let offerings = offerings.await.map_err(|error| StoreError::Unavailable(Box::new(error)))?;
        let catalogue = Arc::new(Catalogue::new(self.shelf.bundled.iter().cloned().chain(offerings)));
        self.shelf.keep(organization, &catalogue, read_at);
        Ok(catalogue)
    }
}
