//! The one wasmtime engine of the program, and its pulse.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use wasmtime::component::Linker;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, WasmFeatures};

use super::capabilities;
use super::guest::Guest;
use super::limits::{CORE_INSTANCES, Limits, MEMORIES, TABLES};
use super::pulse::{Beat, Pulse};
use crate::egress::{Client, Dialer};

/// Stack of guest code, in bytes: room for the recursion that scripts are used to.
const MAX_STACK: usize = 1024 * 1024;
/// Grows whenever a component is checked for more when it is loaded, so that what was
/// checked for less is looked at again.
const CHECKS: u32 = 1;
/// What a fresh instance may keep resident of the memory of the one before it.
const KEEP_RESIDENT: usize = 2 * 1024 * 1024;
/// The same, of its table.
const KEEP_TABLE: usize = 64 * 1024;

/// The wasmtime engine, its linker and its limits. Cheap to clone.
#[derive(Clone)]
pub struct Runtime {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    linker: Linker<Guest>,
    limits: Arc<Limits>,
    client: Client,
    pulse: Pulse,
}

impl Runtime {
    /// Starts the engine, and the thread whose pulse interrupts guests.
    ///
    /// # Errors
    /// The machine cannot run it, for example for want of address space.
    pub fn new(limits: Limits) -> wasmtime::Result<Self> {
        let engine = Engine::new(&config(&limits, limits.instances))?;
        let mut linker = Linker::new(&engine);
        capabilities::link(&mut linker)?;
        let pulse = Pulse::of(engine.clone(), limits.tick)?;
        let client = Client::new(Dialer::default(), Arc::default(), limits.http.clone());
        Ok(Self { inner: Arc::new(Inner { engine, linker, limits: Arc::new(limits), client, pulse }) })
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    pub(super) fn linker(&self) -> &Linker<Guest> {
        &self.inner.linker
    }

    /// The versions of wasmtime and of this host, and the settings, as part of names in the
    /// cache: what another build compiled and checked, this one does again.
    pub(super) fn build_id(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.inner.engine.precompile_compatibility_hash().hash(&mut hasher);
        (env!("CARGO_PKG_VERSION"), CHECKS).hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    /// Keeps the pulse going for as long as a guest lives.
    pub(super) fn beat(&self) -> Beat {
        self.inner.pulse.beat()
    }

    /// What sends the HTTP requests of guests.
    pub(super) fn client(&self) -> &Client {
        &self.inner.client
    }

    /// The limits in force.
    pub fn limits(&self) -> &Arc<Limits> {
        &self.inner.limits
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.pulse.stop();
    }
}

/// The configuration of every engine of this program, so that what one compiles
/// another can load. `instances` is the size of the pool.
pub(super) fn config(limits: &Limits, instances: u32) -> Config {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(instances)
        .total_core_instances(instances * CORE_INSTANCES)
        .total_memories(instances * MEMORIES)
        .total_tables(instances * TABLES)
        .total_stacks(instances)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_tables_per_component(TABLES)
        .max_tables_per_module(TABLES)
        .max_memories_per_component(MEMORIES)
        .max_memory_size(limits.memory)
        .table_elements(limits.table_elements)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(KEEP_TABLE)
        // Only what a guest wrote is put back, where the kernel can tell.
        .pagemap_scan(Enabled::Auto);
    let mut config = Config::new();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config.epoch_interruption(true);
    config.max_wasm_stack(MAX_STACK);
    config.wasm_backtrace_max_frames(None);
    // Nothing that modules do not need: each proposal is more surface.
    let unwanted = [
        WasmFeatures::THREADS,
        WasmFeatures::SHARED_EVERYTHING_THREADS,
        WasmFeatures::MEMORY64,
        WasmFeatures::MULTI_MEMORY,
        WasmFeatures::RELAXED_SIMD,
        WasmFeatures::FUNCTION_REFERENCES,
        WasmFeatures::GC,
        WasmFeatures::EXCEPTIONS,
        WasmFeatures::CM_ASYNC,
    ];
    for feature in unwanted {
        config.wasm_features(feature, false);
    }
    config
}
