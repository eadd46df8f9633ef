//! The host of modules. It loads components, and runs every line in a fresh instance.

mod blocking;
mod cache;
pub mod compile;
mod contract;
mod effects;
mod engine;
mod epoch;
mod guest;
mod imports;
mod limits;
mod line;
mod listing;
mod log;
mod metadata;
mod module;
mod module_registry;
mod note;
mod scan;
mod traps;

use std::sync::{Arc, OnceLock};

use ::engine::model::module::ModuleInfo;
use ::engine::ports::actions::{ActionLine, Actions, Failure, FailureKind, OpenLine};
use async_trait::async_trait;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use blocking::run_blocking;
pub use cache::Cache;
pub use compile::Compiler;
pub use engine::Runtime;
pub use limits::Limits;
use module::{Loader, Module, digest_of};
use module_registry::ModuleRegistry;
use note::Note;

use crate::bundled::Bundled;

/// Scans a component, which the host does before it compiles one.
///
/// # Errors
/// Every fault of the component.
pub fn look_at(component: &[u8], limits: &Limits) -> Result<(), Vec<String>> {
    scan::scan(component, limits).map(drop)
}

/// What a bundled module lists, as JSON to be kept beside it.
pub fn description_of(info: &ModuleInfo) -> String {
    // A note has no keys that are not text, and no numbers that JSON does not have.
    serde_json::to_string_pretty(&Note::beside(info)).unwrap_or_default() + "\n"
}

/// Why a module that comes with the program cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[error("the {module} {}", .faults.join("; "))]
pub struct LoadError {
    /// Names the module in the message.
    pub module: String,
    /// Its faults, one sentence each.
    pub faults: Vec<String>,
}

/// Loads modules and runs their lines.
#[derive(Clone)]
pub struct Host {
    shared: Arc<Shared>,
}

struct Shared {
    loader: Loader,
    registry: ModuleRegistry,
    bundled: OnceLock<Vec<(ModuleInfo, Bundled)>>,
    /// One permit for each line that may run at once: as many as the pool has instances.
    slots: Arc<Semaphore>,
    /// One permit for each component that may be compiled at once, because each may need much memory.
    compilers: Semaphore,
}

impl Host {
    /// A host with these bundled modules. One with a description is loaded when it is first needed, the others now.
    /// Loading compiles a module once for each build of the program; later it comes from the cache.
    ///
    /// # Errors
    /// A module that cannot be loaded.
    pub async fn new(
        limits: Limits,
        compiler: Compiler,
        cache: Cache,
        bundled: impl IntoIterator<Item = Bundled>,
    ) -> Result<Self, LoadError> {
        let unavailable =
            |error: wasmtime::Error| LoadError { module: "host".to_owned(), faults: vec![error.to_string()] };
        let runtime = Runtime::new(limits).map_err(unavailable)?;
        let slots = Arc::new(Semaphore::new(runtime.limits().instances as usize));
        let compilers = Semaphore::new(runtime.limits().compilers);
        let loader = Loader { runtime, compiler, cache };
        let shared = Shared { loader, registry: ModuleRegistry::default(), bundled: OnceLock::new(), slots, compilers };
        let host = Self { shared: Arc::new(shared) };
        let infos = host.describe_all(bundled.into_iter().collect()).await?;
        host.shared.bundled.get_or_init(|| infos);
        Ok(host)
    }

    /// Describes bundled modules in parallel, because some may have to be compiled.
    async fn describe_all(&self, bundled: Vec<Bundled>) -> Result<Vec<(ModuleInfo, Bundled)>, LoadError> {
        let mut describing = JoinSet::new();
        for (position, bundled) in bundled.into_iter().enumerate() {
            let host = self.clone();
            describing.spawn(async move {
                let load_error = |faults| LoadError { module: format!("bundled module no. {}", position + 1), faults };
                Ok((position, host.describe(&bundled).await.map_err(load_error)?, bundled))
            });
        }
        let mut described = describing.join_all().await.into_iter().collect::<Result<Vec<_>, LoadError>>()?;
        described.sort_by_key(|(position, ..)| *position);
        Ok(described.into_iter().map(|(_, info, bundled)| (info, bundled)).collect())
    }

    async fn describe(&self, bundled: &Bundled) -> Result<ModuleInfo, Vec<String>> {
        let Some(description) = bundled.description else { return self.load(Arc::from(&*bundled.component)).await };
        let note: Note = serde_json::from_str(description).map_err(|error| vec![error.to_string()])?;
        let digest = run_blocking(bundled.component.len(), || digest_of(&bundled.component));
        let info = note.info(&digest).ok_or_else(|| vec!["has a description of another version".to_owned()])?;
        Ok(ModuleInfo { size: bundled.component.len() as u64, ..info })
    }

    /// Loads a bundled module that has only been described so far; false if there is none with this digest.
    async fn load_bundled(&self, digest: &str) -> bool {
        let bundled = self.shared.bundled.get().into_iter().flatten().find(|(info, _)| info.digest == digest);
        let Some((described, bundled)) = bundled else { return false };
        match self.load(Arc::from(&*bundled.component)).await {
            Ok(info) if info == *described => true,
            Ok(info) => {
                tracing::error!(module = info.key, "a bundled module does not list what its description says");
                false
            }
            Err(faults) => {
                tracing::error!(
                    module = described.key,
                    faults = faults.join("; "),
                    "a bundled module cannot be loaded"
                );
                false
            }
        }
    }

    async fn recall_from_cache(&self, digest: &str) -> bool {
        let registry = &self.shared.registry;
        let lock = registry.load_lock(digest);
        let _locked = lock.lock().await;
        registry.find(digest).is_some() || self.load_cached(digest).await.is_some()
    }

    /// Loads the module with this digest from the cache, if it is there.
    async fn load_cached(&self, digest: &str) -> Option<Arc<Module>> {
        let Shared { loader, registry, .. } = &*self.shared;
        Some(registry.add(loader.load_cached(digest).await?))
    }
}

#[async_trait]
impl Actions for Host {
    fn bundled(&self) -> Vec<ModuleInfo> {
        self.shared.bundled.get().into_iter().flatten().map(|(info, _)| info.clone()).collect()
    }

    async fn load(&self, component: Arc<[u8]>) -> Result<ModuleInfo, Vec<String>> {
        let Shared { loader, registry, compilers, .. } = &*self.shared;
        scan::check_size(&component, loader.runtime.limits()).map_err(|fault| vec![fault])?;
        let digest = run_blocking(component.len(), || digest_of(&component));
        let lock = registry.load_lock(&digest);
        let _locked = lock.lock().await;
        if let Some(module) = registry.find(&digest) {
            return Ok(module.info().clone());
        }
        if let Some(module) = self.load_cached(&digest).await {
            return Ok(module.info().clone());
        }
        let _permit = compilers.acquire().await.map_err(|error| vec![error.to_string()])?;
        let module = loader.load(&digest, &component).await?;
        Ok(registry.add(module).info().clone())
    }

    async fn recall(&self, digest: &str) -> bool {
        if self.shared.registry.find(digest).is_some() {
            return true;
        }
        is_digest(digest) && (self.recall_from_cache(digest).await || self.load_bundled(digest).await)
    }

    fn unload(&self, digest: &str) {
        let bundled = self.shared.bundled.get().is_some_and(|all| all.iter().any(|(info, _)| info.digest == digest));
        if !bundled {
            self.shared.registry.remove(digest);
        }
    }

    async fn open(&self, open: OpenLine) -> Result<Box<dyn ActionLine>, Failure> {
        let Shared { loader, registry, slots, .. } = &*self.shared;
        if registry.find(&open.module.digest).is_none() {
            self.load_bundled(&open.module.digest).await;
        }
        let Some(module) = registry.find(&open.module.digest) else {
            let message =
                format!("The module {}@{} is not loaded on this node.", open.module.module, open.module.version);
            return Err(Failure::new(FailureKind::Final, message));
        };
        // The pool of instances is bounded, so a line waits for a free one.
        let slot = tokio::select! {
            slot = Arc::clone(slots).acquire_owned() => slot,
            () = open.cancellation.cancelled() => return Err(Failure::new(FailureKind::Cancelled, "The line was killed.")),
        };
        let slot = slot.map_err(|_| Failure::new(FailureKind::Final, "The host is shutting down."))?;
        Ok(Box::new(line::Line::open(&loader.runtime, &module, open, slot).await?))
    }
}

/// Digests are used as file names, so nothing else may pass for one.
fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
}
