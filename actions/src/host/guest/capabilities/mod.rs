//! What the host does for modules, with one file for each capability.

mod collections;
mod http;
mod jobs;
mod log;
mod wasi;
mod wasi_http;

use serde_json::Value;
use values::json::{Bounds, parse};
use wasmtime::component::Linker;

use super::Guest;
use crate::host::blocking::run_blocking;
use crate::host::effects::{Effects, Refused};
pub(super) use wasi::Wasi;

/// Links every capability for every module; one that a module does not import costs it nothing.
pub(in crate::host) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    log::link(linker)?;
    http::link(linker)?;
    collections::link(linker)?;
    jobs::link(linker)?;
    wasi::link(linker)
}

/// Reads JSON that a guest passes. `subject` begins the error message, for example `arguments are`.
fn parse_json(effects: &Effects, subject: &str, text: &str) -> Result<Value, Refused> {
    let bounds = Bounds { bytes: effects.limits().output, ..Bounds::default() };
    let parsed = run_blocking(text.len(), || parse(text.as_bytes(), bounds));
    parsed.map_err(|fault| Refused::Invalid(format!("The {subject} not JSON: {fault}")))
}
