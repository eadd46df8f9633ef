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

/// Scans a component, which the host does before it compiles one.
///
/// # Errors
/// Every fault of the component.
pub fn look_at(component: &[u8], limits: &Limits) -> Result<(), Vec<String>> {
    scan::scan(component, limits).map(drop)
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
    bundled: OnceLock<Vec<ModuleInfo>>,
    /// One permit for each line that may run at once: as many as the pool has instances.
    slots: Arc<Semaphore>,
    /// One permit for each component that may be compiled at once, because each may need much memory.
    compilers: Semaphore,
}

impl Host {
    /// A host that has loaded these modules. The first start of a build compiles them, and later
    /// ones read them from the cache.
    ///
    /// # Errors
    /// A module that cannot be loaded.
    pub async fn new(
        limits: Limits,
        compiler: Compiler,
        cache: Cache,
        bundled: impl IntoIterator<Item = impl Into<Arc<[u8]>>>,
    ) -> Result<Self, LoadError> {
        let unavailable =
            |error: wasmtime::Error| LoadError { module: "host".to_owned(), faults: vec![error.to_string()] };
        let runtime = Runtime::new(limits).map_err(unavailable)?;
        let slots = Arc::new(Semaphore::new(runtime.limits().instances as usize));
        let compilers = Semaphore::new(runtime.limits().compilers);
        let loader = Loader { runtime, compiler, cache };
        let shared = Shared { loader, registry: ModuleRegistry::default(), bundled: OnceLock::new(), slots, compilers };
        let host = Self { shared: Arc::new(shared) };
        let infos = host.load_all(bundled.into_iter().map(Into::into).collect()).await?;
        host.shared.bundled.get_or_init(|| infos);
        Ok(host)
    }

    /// Loads modules in parallel, because compiling one takes a while.
    async fn load_all(&self, components: Vec<Arc<[u8]>>) -> Result<Vec<ModuleInfo>, LoadError> {
        let mut loading = JoinSet::new();
        for (position, component) in components.into_iter().enumerate() {
            let host = self.clone();
            loading.spawn(async move {
                let load_error = |faults| LoadError { module: format!("bundled module no. {}", position + 1), faults };
                Ok((position, host.load(component).await.map_err(load_error)?))
            });
        }
        let mut infos = loading.join_all().await.into_iter().collect::<Result<Vec<_>, LoadError>>()?;
        infos.sort_by_key(|(position, _)| *position);
        Ok(infos.into_iter().map(|(_, info)| info).collect())
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
        self.shared.bundled.get().cloned().unwrap_or_default()
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
        let registry = &self.shared.registry;
        if registry.find(digest).is_some() {
            return true;
        }
        if !is_digest(digest) {
            return false;
        }
        let lock = registry.load_lock(digest);
        let _locked = lock.lock().await;
        registry.find(digest).is_some() || self.load_cached(digest).await.is_some()
    }

    fn unload(&self, digest: &str) {
        let bundled = self.shared.bundled.get().is_some_and(|infos| infos.iter().any(|info| info.digest == digest));
        if !bundled {
            self.shared.registry.remove(digest);
        }
    }

    async fn open(&self, open: OpenLine) -> Result<Box<dyn ActionLine>, Failure> {
        let Shared { loader, registry, slots, .. } = &*self.shared;
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
