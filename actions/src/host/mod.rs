//! The host of modules: loads components, and opens a fresh instance for every line.

mod cache;
mod capabilities;
pub mod compile;
mod contract;
mod engine;
mod limits;
mod line;
mod metadata;
mod module;
mod pulse;
pub mod scan;

use std::collections::BTreeMap;
use std::sync::Arc;

use ::engine::model::action::Catalogue;
use ::engine::ports::actions::{ActionLine, Actions, Failure, FailureKind, OpenLine};
use async_trait::async_trait;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

pub use cache::Cache;
pub use compile::Compiler;
pub use engine::Runtime;
pub use limits::Limits;
pub use module::{Installable, Module};

/// Why a module cannot be loaded: one sentence with the place and the cure.
#[derive(Debug, thiserror::Error)]
#[error("module `{module}`: {reason}")]
pub struct LoadError {
    /// Key of the module.
    pub module: String,
    /// What is wrong.
    pub reason: String,
}

/// The installed modules, and the means to run them.
pub struct Host {
    runtime: Runtime,
    modules: BTreeMap<String, Arc<Module>>,
    catalogue: Arc<Catalogue>,
    slots: Arc<Semaphore>,
}

impl Host {
    /// A host of these modules. Each is compiled the first time a program of this
    /// build meets it, and read from the cache ever after.
    ///
    /// # Errors
    /// The first module that cannot be loaded.
    pub async fn new(
        limits: Limits,
        compiler: Compiler,
        cache: Cache,
        modules: impl IntoIterator<Item = Installable>,
    ) -> Result<Self, LoadError> {
        let unavailable = |reason: String| LoadError { module: "host".to_owned(), reason };
        let runtime = Runtime::new(limits).map_err(|error| unavailable(error.to_string()))?;
        let loaded = load_all(&runtime, &compiler, &cache, modules).await?;
        let specs = loaded.values().flat_map(|module| module.actions().to_vec());
        let digests = loaded.values().map(|module| module.digest()).collect();
        let catalogue = Arc::new(Catalogue::new(specs, digests).map_err(unavailable)?);
        let slots = Arc::new(Semaphore::new(runtime.limits().instances as usize));
        Ok(Self { runtime, modules: loaded, catalogue, slots })
    }
}

/// Loads modules side by side, since one that must be compiled takes a while.
async fn load_all(
    runtime: &Runtime,
    compiler: &Compiler,
    cache: &Cache,
    modules: impl IntoIterator<Item = Installable>,
) -> Result<BTreeMap<String, Arc<Module>>, LoadError> {
    let mut loading = JoinSet::new();
    for installable in modules {
        let (runtime, compiler, cache) = (runtime.clone(), compiler.clone(), cache.clone());
        loading.spawn(async move {
            let key = installable.key.clone();
            match Module::load(&runtime, &compiler, &cache, installable).await {
                Ok(module) => Ok((key, Arc::new(module))),
                Err(reason) => Err(LoadError { module: key, reason }),
            }
        });
    }
    loading.join_all().await.into_iter().collect()
}

#[async_trait]
impl Actions for Host {
    fn catalogue(&self) -> Arc<Catalogue> {
        Arc::clone(&self.catalogue)
    }

    async fn open(&self, open: OpenLine) -> Result<Box<dyn ActionLine>, Failure> {
        let named = open
            .action
            .split_once('/')
            .and_then(|(module, action)| Some((self.modules.get(module)?, action.to_owned())));
        let Some((module, action)) = named else {
            return Err(Failure::new(
                FailureKind::Final,
                format!("the action `{}` is not installed on this node", open.action),
            ));
        };
        // The pool holds so many instances; a line that finds it full waits its turn.
        let slot = Arc::clone(&self.slots).acquire_owned().await;
        let slot = slot.map_err(|_| Failure::new(FailureKind::Final, "the host is shutting down"))?;
        let line = line::Line::open(&self.runtime, module, &action, open, slot).await?;
        Ok(Box::new(line))
    }
}
