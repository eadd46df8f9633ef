//! A module: a component that was checked, compiled and asked for its actions once.

use ::engine::model::action::{ActionSpec, ModuleDigest};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;
use wasmtime::Store;
use wasmtime::component::Component;

use super::cache::{Cache, Listing};
use super::compile::Compiler;
use super::contract::{self, Module as Exports, ModulePre};
use super::engine::Runtime;
use super::line::{Guest, broken, new_store};
use super::metadata;
use super::scan::scan;

/// A component to be loaded, under the key that lines name it by.
pub struct Installable {
    /// Key of the module.
    pub key: String,
    /// The component.
    pub component: std::borrow::Cow<'static, [u8]>,
}

/// A loaded module.
pub struct Module {
    key: String,
    listing: Listing,
    actions: Vec<ActionSpec>,
    digest: String,
    pre: ModulePre<Guest>,
}

impl Module {
    /// Loads a component: from the cache if this build met it before, else by
    /// checking, compiling and asking it.
    pub(super) async fn load(
        runtime: &Runtime,
        compiler: &Compiler,
        cache: &Cache,
        installable: Installable,
    ) -> Result<Self, String> {
        let digest = hex(&Sha256::digest(&installable.component));
        let compiled = match cache.find(runtime, &digest) {
            Some(compiled) => compiled,
            None => compile(runtime, compiler, cache, &installable, &digest).await?,
        };
        let pre = prepare(runtime, &compiled)?;
        let listing = match cache.listing(&digest) {
            Some(listing) => listing,
            None => {
                let listing = ask(runtime, &pre, &installable).await?;
                cache.keep_listing(&digest, &listing);
                listing
            }
        };
        let actions = listing.actions(&installable.key)?;
        Ok(Self { key: installable.key, listing, actions, digest, pre })
    }

    /// The actions it offers.
    pub fn actions(&self) -> &[ActionSpec] {
        &self.actions
    }

    /// What a job result names it by.
    pub fn digest(&self) -> ModuleDigest {
        ModuleDigest { module: self.key.clone(), version: self.listing.version.clone(), digest: self.digest.clone() }
    }

    pub(super) async fn instantiate(&self, store: &mut Store<Guest>) -> wasmtime::Result<Exports> {
        self.pre.instantiate_async(store).await
    }
}

async fn compile(
    runtime: &Runtime,
    compiler: &Compiler,
    cache: &Cache,
    installable: &Installable,
    digest: &str,
) -> Result<Component, String> {
    let _lock = cache.lock(digest).await;
    if let Some(compiled) = cache.find(runtime, digest) {
        return Ok(compiled);
    }
    scan(&installable.component, runtime.limits())?;
    let code = compiler.compile(runtime.limits(), &installable.component).await?;
    cache.keep(runtime, digest, &code)
}

fn prepare(runtime: &Runtime, component: &Component) -> Result<ModulePre<Guest>, String> {
    let linked = runtime.linker().instantiate_pre(component);
    let linked = linked.map_err(|error| format!("asks for what this host does not have: {}", error.root_cause()))?;
    ModulePre::new(linked)
        .map_err(|error| format!("does not offer `ropewalk:action/actions@1.0.0`: {}", error.root_cause()))
}

/// Asks a fresh instance for its actions.
async fn ask(runtime: &Runtime, pre: &ModulePre<Guest>, installable: &Installable) -> Result<Listing, String> {
    let limits = runtime.limits();
    let mut store = new_store(runtime, CancellationToken::new(), limits.listing);
    let listed = async {
        let exports = pre.instantiate_async(&mut store).await?;
        exports.ropewalk_action_actions().call_list(&mut store).await
    };
    let listed = listed.await;
    let listed = listed.map_err(|error| {
        format!("cannot list its actions: {}", broken(&store, limits, limits.listing, &error).message)
    })?;
    let specs: Vec<_> =
        listed.into_iter().map(|spec| contract::spec(&installable.key, spec)).collect::<Result<_, _>>()?;
    if specs.is_empty() {
        return Err("offers no action".to_owned());
    }
    Ok(Listing::new(metadata::version(&installable.component), &specs))
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |text, byte| text + &format!("{byte:02x}"))
}
