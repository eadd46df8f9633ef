//! A module: a component that was checked, compiled and asked for its actions once.

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

use super::broken::broken;
use super::cache::Cache;
use super::compile::Compiler;
use super::contract::{Module as Exports, ModulePre, wit};
use super::engine::Runtime;
use super::guest::{Guest, new_store};
use super::metadata::{self, About};
use super::outside::Caller;
use super::scan::scan;
use super::{imports, listing};

/// What modules are loaded with. Cheap to clone.
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

/// What a component is found to be before it is compiled.
struct Checked {
    about: About,
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
    /// A module that this build compiled before; none if it did not.
    pub(super) async fn recall(&self, digest: &str) -> Option<Module> {
        let (loader, digest) = (self.clone(), digest.to_owned());
        let recalled = tokio::task::spawn_blocking(move || {
            let info = loader.cache.info(&loader.runtime, &digest)?;
            let compiled = loader.cache.find(&loader.runtime, &digest)?;
            let pre = prepare(&loader.runtime, &compiled).ok()?;
            Some(Module { info, pre })
        });
        recalled.await.ok().flatten()
    }

    /// Checks, compiles and asks a component.
    ///
    /// # Errors
    /// Every fault, one sentence each.
    pub(super) async fn load(&self, digest: &str, component: &Arc<[u8]>) -> Result<Module, Vec<String>> {
        let (runtime, looked_at) = (self.runtime.clone(), Arc::clone(component));
        let checking = tokio::task::spawn_blocking(move || check(&runtime, &looked_at));
        let Checked { about, capabilities } = checking.await.map_err(|error| vec![error.to_string()])??;
        let made = self.make(digest, component, &about.name).await;
        let (pre, actions) = made.inspect_err(|_| self.cache.forget(&self.runtime, digest))?;
        let info = ModuleInfo {
            key: about.name,
            version: about.version,
            digest: digest.to_owned(),
            size: component.len() as u64,
            description: about.description,
            authors: about.authors,
            licence: about.licence,
            capabilities,
            actions,
        };
        self.cache.keep_info(&self.runtime, &info);
        Ok(Module { info, pre })
    }

    /// Compiles a component, and asks it for its actions.
    async fn make(
        &self,
        digest: &str,
        component: &[u8],
        name: &str,
    ) -> Result<(ModulePre<Guest>, Vec<ActionSpec>), Vec<String>> {
        let one = |fault| vec![fault];
        let compiled = self.compile(digest, component).await.map_err(one)?;
        let pre = prepare(&self.runtime, &compiled).map_err(one)?;
        let listed = ask(&self.runtime, &pre, name).await.map_err(one)?;
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

/// Everything that can be said of a component without compiling it.
fn check(runtime: &Runtime, component: &[u8]) -> Result<Checked, Vec<String>> {
    let surface = scan(component, runtime.limits())?;
    match (imports::check(&surface), metadata::read(component)) {
        (Ok(capabilities), Ok(about)) => Ok(Checked { about, capabilities }),
        (capabilities, about) => Err([capabilities.err(), about.err()].into_iter().flatten().flatten().collect()),
    }
}

fn prepare(runtime: &Runtime, component: &Component) -> Result<ModulePre<Guest>, String> {
    let linked = runtime.linker().instantiate_pre(component);
    let linked = linked.map_err(|error| format!("asks for what this host does not have: {}", chain(&error)))?;
    ModulePre::new(linked).map_err(|error| format!("does not offer what its contract says: {}", chain(&error)))
}

/// An error with its causes, as one sentence.
fn chain(error: &wasmtime::Error) -> String {
    format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Asks a fresh instance for its actions. It reaches nothing meanwhile.
async fn ask(runtime: &Runtime, pre: &ModulePre<Guest>, module: &str) -> Result<Vec<wit::ActionSpec>, String> {
    let limits = runtime.limits();
    let caller = Caller {
        module: module.to_owned(),
        idempotency_key: String::new(),
        dry_run: true,
        reach: None,
        end: Instant::now() + limits.listing,
        listener: Arc::new(()),
    };
    let mut store = new_store(runtime, caller, CancellationToken::new(), String::new(), limits.list);
    let stop = store.data_mut().begin();
    let listed = stop.hold(async {
        let exports = pre.instantiate_async(&mut store).await?;
        exports.ropewalk_action_actions().call_list(&mut store).await
    });
    let listed = listed.await;
    listed.map_err(|error| {
        let failure = broken(&store, limits, limits.listing, &error);
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
