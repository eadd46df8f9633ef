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
/// Slots of the pool that keep this much although no guest is in them. Each module that ran has one
/// of its own as long as there are fewer, so that modules which are long gone would hold 200 MiB.
const WARM_SLOTS: u32 = 16;
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
        .max_unused_warm_slots(WARM_SLOTS)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Megabytes of this process that are in memory.
    fn resident() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    }

    #[test]
    fn modules_that_are_gone_hold_little_memory() {
        let engine = Engine::new(&config(&Limits::default(), 100)).unwrap();
        let run = |number: u32| {
            let text = format!(
                "(module (memory 64) (func (export \"f\") (memory.fill (i32.const 0) (i32.const {number}) (i32.const 4194304))))"
            );
            let module = wasmtime::Module::new(&engine, wat::parse_str(text).unwrap()).unwrap();
            let mut store = wasmtime::Store::new(&engine, ());
            store.set_epoch_deadline(1);
            let instance = wasmtime::Instance::new(&mut store, &module, &[]).unwrap();
            instance.get_typed_func::<(), ()>(&mut store, "f").unwrap().call(&mut store, ()).unwrap();
        };
        (1..9).for_each(run);
        let before = resident();
        (9..73).for_each(run);
        let grown = resident().saturating_sub(before);
        assert!(grown < 48, "64 modules left {grown} MB");
    }
}
