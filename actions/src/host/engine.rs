//! The one wasmtime engine of the program.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use wasmtime::component::Linker;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store, WasmFeatures};

use super::effects::Caller;
use super::epoch::EpochTicker;
use super::guest::{Guest, capabilities, on_tick};
use super::limits::{CORE_INSTANCES, Limits, MEMORIES, TABLES};
use crate::egress::{Client, Dialer};

/// Bytes that a call may carry besides its records, for messages, reasons and log lines.
const MARGIN: usize = 1024 * 1024;
/// Stack of guest code, in bytes. It is large enough for the recursion that scripts usually need.
const MAX_STACK: usize = 1024 * 1024;
/// Must be increased when the checks of components become stricter, so that components that passed
/// the older checks are checked again.
const CHECKS: u32 = 1;
/// Bytes of memory that a slot of the pool keeps resident for the next instance.
const KEEP_RESIDENT: usize = 2 * 1024 * 1024;
/// How many slots of the pool stay resident while no guest uses them. Without this bound, every module
/// that ever ran would keep its own slot, and 100 slots hold 200 MiB.
const WARM_SLOTS: u32 = 16;
/// Bytes of tables that a slot of the pool keeps resident for the next instance.
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
    epoch: EpochTicker,
}

impl Runtime {
    /// Starts the engine, and the thread that advances its epoch to interrupt guests.
    ///
    /// # Errors
    /// The machine cannot run the engine, for example because it lacks address space.
    pub fn new(limits: Limits) -> wasmtime::Result<Self> {
        let engine = Engine::new(&config(&limits, limits.instances))?;
        let mut linker = Linker::new(&engine);
        capabilities::link(&mut linker)?;
        let epoch = EpochTicker::of(engine.clone(), limits.tick)?;
        let client = Client::new(Dialer::default(), Arc::default(), limits.http.clone());
        Ok(Self { inner: Arc::new(Inner { engine, linker, limits: Arc::new(limits), client, epoch }) })
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    pub(super) fn linker(&self) -> &Linker<Guest> {
        &self.inner.linker
    }

    /// Identifies the versions of wasmtime and of this host, and the settings. It is part of the file
    /// names in the cache, so that no build uses what another one compiled and checked.
    pub(super) fn build_id(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.inner.engine.precompile_compatibility_hash().hash(&mut hasher);
        (env!("CARGO_PKG_VERSION"), CHECKS).hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    /// A store with all limits in force. `now` is the clock reading for WASI, and `carries` the size of the records
    /// that a call may carry.
    pub(super) fn new_store(
        &self,
        (caller, now): (Caller, String),
        cancellation: CancellationToken,
        carries: usize,
    ) -> Store<Guest> {
        let Inner { engine, limits, client, epoch, .. } = &*self.inner;
        let guest = Guest::new((caller, now), cancellation, (limits, client.clone()), epoch.keep_advancing());
        let mut store = Store::new(engine, guest);
        store.limiter(|guest| &mut guest.limiter);
        // A little more than the limit, so that our own check fails first and gives the better message.
        store.set_hostcall_fuel(carries.saturating_add(MARGIN));
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(on_tick);
        store
    }

    /// The limits in force.
    pub fn limits(&self) -> &Arc<Limits> {
        &self.inner.limits
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.epoch.stop();
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
        // Where the kernel supports it, only the pages that a guest wrote to are reset.
        .pagemap_scan(Enabled::Auto);
    let mut config = Config::new();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config.epoch_interruption(true);
    config.max_wasm_stack(MAX_STACK);
    config.wasm_backtrace_max_frames(None);
    // Proposals that modules do not need would only give attackers more to try.
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

    /// Resident memory of this process, in MiB.
    fn resident() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    }

    #[test]
    fn unloaded_modules_hold_little_memory() {
        let engine = Engine::new(&config(&Limits::default(), 100)).unwrap();
        let run = |number: u32| {
            let text = format!(
                "(module (memory 64) (func (export \"f\") (memory.fill (i32.const 0) (i32.const {number}) (i32.const 4194304))))"
            );
            let module = wasmtime::Module::new(&engine, wat::parse_str(text).unwrap()).unwrap();
            let mut store = Store::new(&engine, ());
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
