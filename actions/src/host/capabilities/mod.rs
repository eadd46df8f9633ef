//! What the host does for modules: one file for each capability.

mod collections;
mod http;
mod jobs;
pub(super) mod log;
mod wasi;
mod wasi_http;

use wasmtime::component::Linker;

use super::guest::Guest;
pub(super) use wasi::Wasi;

/// Offers everything to every module: what it does not import costs it nothing.
pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    log::link(linker)?;
    http::link(linker)?;
    collections::link(linker)?;
    jobs::link(linker)?;
    wasi::link(linker)
}
