//! The host of modules: loads components, and opens a fresh instance for every line.

mod broken;
mod cache;
mod capabilities;
pub mod compile;
mod contract;
mod engine;
mod guest;
mod heavy;
mod imports;
mod limits;
mod line;
mod listing;
mod metadata;
mod module;
mod outside;
mod pulse;
mod ready;
mod scan;

use std::sync::{Arc, OnceLock};

use ::engine::model::module::ModuleInfo;
use ::engine::ports::actions::{ActionLine, Actions, Failure, FailureKind, OpenLine};
use async_trait::async_trait;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

pub use cache::Cache;
pub use compile::Compiler;
pub use engine::Runtime;
pub use limits::Limits;
use module::{Loader, Module, digest_of};
use ready::Ready;

/// Looks at a component as it is done before it is compiled.
///
/// # Errors
/// Everything that is wrong with it.
pub fn look_at(component: &[u8], limits: &Limits) -> Result<(), Vec<String>> {
    scan::scan(component, limits).map(drop)
}

/// Why a module that comes with the program cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[error("the {module} {}", .faults.join("; "))]
pub struct LoadError {
    /// Which one.
    pub module: String,
    /// What is wrong, one sentence each.
    pub faults: Vec<String>,
}

/// The modules that are ready, and the means to run them and to load others.
#[derive(Clone)]
pub struct Host {
    shared: Arc<Shared>,
}

struct Shared {
    loader: Loader,
    ready: Ready,
    bundled: OnceLock<Vec<ModuleInfo>>,
    /// Lines that may be at work at once: as many as the pool has instances.
    slots: Arc<Semaphore>,
    /// Components that may be compiled at once: each may take much memory.
    compilers: Semaphore,
}

impl Host {
    /// A host with these modules ready. Each is compiled the first time a program of this
    /// build meets it, and read from the cache ever after.
    ///
    /// # Errors
    /// The first module that cannot be loaded.
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
        let shared = Shared { loader, ready: Ready::default(), bundled: OnceLock::new(), slots, compilers };
        let host = Self { shared: Arc::new(shared) };
        let infos = host.load_all(bundled.into_iter().map(Into::into).collect()).await?;
        host.shared.bundled.get_or_init(|| infos);
        Ok(host)
    }

    /// Loads modules side by side, since one that must be compiled takes a while.
    async fn load_all(&self, components: Vec<Arc<[u8]>>) -> Result<Vec<ModuleInfo>, LoadError> {
        let mut loading = JoinSet::new();
        for (position, component) in components.into_iter().enumerate() {
            let host = self.clone();
            loading.spawn(async move {
                let unusable = |faults| LoadError { module: format!("bundled module no. {}", position + 1), faults };
                Ok((position, host.load(component).await.map_err(unusable)?))
            });
        }
        let mut infos = loading.join_all().await.into_iter().collect::<Result<Vec<_>, LoadError>>()?;
        infos.sort_by_key(|(position, _)| *position);
        Ok(infos.into_iter().map(|(_, info)| info).collect())
    }

    /// The module with this digest, from memory or from the cache.
    async fn find(&self, digest: &str) -> Option<Arc<Module>> {
        let Shared { loader, ready, .. } = &*self.shared;
        Some(ready.add(loader.recall(digest).await?))
    }
}

#[async_trait]
impl Actions for Host {
    fn bundled(&self) -> Vec<ModuleInfo> {
        self.shared.bundled.get().cloned().unwrap_or_default()
    }

    async fn load(&self, component: Arc<[u8]>) -> Result<ModuleInfo, Vec<String>> {
        let Shared { loader, ready, compilers, .. } = &*self.shared;
        scan::check_size(&component, loader.runtime.limits()).map_err(|fault| vec![fault])?;
        let digest = heavy::heavy(component.len(), || digest_of(&component));
        let turn = ready.turn(&digest);
        let _turn = turn.lock().await;
        if let Some(module) = ready.find(&digest) {
            return Ok(module.info().clone());
        }
        if let Some(module) = self.find(&digest).await {
            return Ok(module.info().clone());
        }
        let _compiler = compilers.acquire().await.map_err(|error| vec![error.to_string()])?;
        let module = loader.load(&digest, &component).await?;
        Ok(ready.add(module).info().clone())
    }

    async fn recall(&self, digest: &str) -> bool {
        let ready = &self.shared.ready;
        if ready.find(digest).is_some() {
            return true;
        }
        if !is_digest(digest) {
            return false;
        }
        let turn = ready.turn(digest);
        let _turn = turn.lock().await;
        ready.find(digest).is_some() || self.find(digest).await.is_some()
    }

    fn unload(&self, digest: &str) {
        let bundled = self.shared.bundled.get().is_some_and(|infos| infos.iter().any(|info| info.digest == digest));
        if !bundled {
            self.shared.ready.remove(digest);
        }
    }

    async fn open(&self, open: OpenLine) -> Result<Box<dyn ActionLine>, Failure> {
        let Shared { loader, ready, slots, .. } = &*self.shared;
        let Some(module) = ready.find(&open.module.digest) else {
            let message =
                format!("The module {}@{} is not ready on this node.", open.module.module, open.module.version);
            return Err(Failure::new(FailureKind::Final, message));
        };
        // The pool holds so many instances; a line that finds it full waits its turn.
        let slot = tokio::select! {
            slot = Arc::clone(slots).acquire_owned() => slot,
            () = open.kill.cancelled() => return Err(Failure::new(FailureKind::Killed, "The line was killed.")),
        };
        let slot = slot.map_err(|_| Failure::new(FailureKind::Final, "The host is shutting down."))?;
        Ok(Box::new(line::Line::open(&loader.runtime, &module, open, slot).await?))
    }
}

/// Digests become names of files.
fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
}
