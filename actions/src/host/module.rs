//! Loads a module: checks the component, compiles it, and reads the list of its actions.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use ::engine::model::action::ActionSpec;
use ::engine::model::grant::Capability;
use ::engine::model::module::ModuleInfo;
use ::engine::ports::actions::FailureKind;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;
use wasmtime::Store;
use wasmtime::component::Component;

use super::cache::Cache;
use super::compile::Compiler;
use super::contract::{Module as Exports, ModulePre, wit};
use super::effects::Caller;
use super::engine::Runtime;
use super::guest::Guest;
use super::metadata::{self, ModuleMetadata};
use super::scan::scan;
use super::traps::describe;
use super::{imports, listing};

/// Loads modules. Cheap to clone.
#[derive(Clone)]
pub(super) struct Loader {
    pub(super) runtime: Runtime,
    pub(super) compiler: Compiler,
    pub(super) cache: Cache,
}

/// A loaded module.
pub(super) struct Module {
    info: ModuleInfo,
    pre: ModulePre<Guest>,
}

/// What is known about a component before it is compiled.
struct Checked {
    metadata: ModuleMetadata,
    capabilities: BTreeSet<Capability>,
}

impl Module {
    pub(super) fn info(&self) -> &ModuleInfo {
        &self.info
    }

    pub(super) async fn instantiate(&self, store: &mut Store<Guest>) -> wasmtime::Result<Exports> {
        self.pre.instantiate_async(store).await
    }
}

impl Loader {
    /// A module that this build compiled before; `None` if there is none in the cache.
    pub(super) async fn load_cached(&self, digest: &str) -> Option<Module> {
        let (loader, digest) = (self.clone(), digest.to_owned());
        let loading = tokio::task::spawn_blocking(move || {
            let info = loader.cache.info(&loader.runtime, &digest)?;
            let compiled = loader.cache.find(&loader.runtime, &digest)?;
            let pre = link(&loader.runtime, &compiled).ok()?;
            Some(Module { info, pre })
        });
        loading.await.ok().flatten()
    }

    /// Checks and compiles a component, and reads the list of its actions.
    ///
    /// # Errors
    /// Every fault, one sentence each.
    pub(super) async fn load(&self, digest: &str, component: &Arc<[u8]>) -> Result<Module, Vec<String>> {
        let (runtime, unchecked) = (self.runtime.clone(), Arc::clone(component));
        let checking = tokio::task::spawn_blocking(move || check(&runtime, &unchecked));
        let Checked { metadata, capabilities } = checking.await.map_err(|error| vec![error.to_string()])??;
        let prepared = self.prepare_module(digest, component, &metadata.name).await;
        let (pre, actions) = prepared.inspect_err(|_| self.cache.forget(&self.runtime, digest))?;
        let info = ModuleInfo {
            key: metadata.name,
            version: metadata.version,
            digest: digest.to_owned(),
            size: component.len() as u64,
            description: metadata.description,
            authors: metadata.authors,
            licence: metadata.licence,
            capabilities,
            actions,
        };
        self.cache.keep_info(&self.runtime, &info);
        Ok(Module { info, pre })
    }

    /// Compiles a component, and reads the list of its actions.
    async fn prepare_module(
        &self,
        digest: &str,
        component: &[u8],
        name: &str,
    ) -> Result<(ModulePre<Guest>, Vec<ActionSpec>), Vec<String>> {
        let only = |fault| vec![fault];
        let compiled = self.compile(digest, component).await.map_err(only)?;
        let pre = link(&self.runtime, &compiled).map_err(only)?;
        let listed = list_actions(&self.runtime, &pre, name).await.map_err(only)?;
        let actions = listing::read(name, listed, self.runtime.limits())?;
        Ok((pre, actions))
    }

    async fn compile(&self, digest: &str, component: &[u8]) -> Result<Component, String> {
        let _lock = self.cache.lock(digest).await;
        if let Some(compiled) = self.cache.find(&self.runtime, digest) {
            return Ok(compiled);
        }
        let code = self.compiler.compile(self.runtime.limits(), component).await?;
        self.cache.keep(&self.runtime, digest, &code)
    }
}

/// Checks everything that can be checked without compiling the component.
fn check(runtime: &Runtime, component: &[u8]) -> Result<Checked, Vec<String>> {
    let surface = scan(component, runtime.limits())?;
    match (imports::check(&surface), metadata::read(component)) {
        (Ok(capabilities), Ok(metadata)) => Ok(Checked { metadata, capabilities }),
        (capabilities, metadata) => Err([capabilities.err(), metadata.err()].into_iter().flatten().flatten().collect()),
    }
}

fn link(runtime: &Runtime, component: &Component) -> Result<ModulePre<Guest>, String> {
    let linked = runtime.linker().instantiate_pre(component);
    let linked =
        linked.map_err(|error| format!("imports something that this host does not have: {}", chain(&error)))?;
    ModulePre::new(linked).map_err(|error| format!("does not export what the contract requires: {}", chain(&error)))
}

/// An error with its causes, as one sentence.
fn chain(error: &wasmtime::Error) -> String {
    format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Calls `list` in a fresh instance, which cannot call the host meanwhile.
async fn list_actions(runtime: &Runtime, pre: &ModulePre<Guest>, module: &str) -> Result<Vec<wit::ActionSpec>, String> {
    let limits = runtime.limits();
    let caller = Caller {
        module: module.to_owned(),
        idempotency_key: String::new(),
        dry_run: true,
        host_calls: None,
        end: Instant::now() + limits.listing,
        listener: Arc::new(()),
    };
    let mut store = runtime.new_store((caller, String::new()), CancellationToken::new(), limits.list);
    let stop = store.data_mut().begin_call();
    let listed = stop.limit(async {
        let exports = pre.instantiate_async(&mut store).await?;
        exports.ropewalk_action_actions().call_list(&mut store).await
    });
    let listed = listed.await;
    listed.map_err(|error| {
        let failure = describe(&store, limits, limits.listing, &error);
        let why = match failure.kind {
            FailureKind::Timeout => format!("takes longer than {:?} to list its actions", limits.listing),
            _ => format!("cannot list its actions: {}", failure.message),
        };
        why.trim_end_matches('.').to_owned()
    })
}

/// SHA-256 in hexadecimal.
pub(super) fn digest_of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |text, byte| text + &format!("{byte:02x}"))
}
