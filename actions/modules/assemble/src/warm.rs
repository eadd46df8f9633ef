//! Runs the initialization of a guest at build time, and keeps the resulting memory.

use wasmtime::{Engine, Linker, Module, Store};
use wasmtime_wizer::Wizer;

use crate::Outcome;

/// A guest exports this function to be initialized.
const START: &str = "wizer-initialize";

/// The module after its initialization; unchanged if it has none.
pub(crate) fn warm(core: &[u8]) -> Outcome<Vec<u8>> {
    let engine = Engine::default();
    let module = Module::new(&engine, core)?;
    if module.get_export(START).is_none() {
        return Ok(core.to_vec());
    }
    let mut store = Store::new(&engine, ());
    let wizer = Wizer::new();
    let warmed = wizer.run(&mut store, core, async |store: &mut Store<()>, module: &Module| {
        // The initialization must not need the host: a call to it ends the build.
        let mut linker = Linker::new(module.engine());
        linker.define_unknown_imports_as_traps(module)?;
        linker.instantiate_async(store, module).await
    });
    Ok(pollster::block_on(warmed)?)
}
