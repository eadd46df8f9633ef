//! WASI 0.2 without access to the machine, so that components of any toolchain load.
//!
//! There are no files, no environment, no arguments and no sockets. Standard input is closed;
//! standard output and error go to the line's log. The time of day is the one clock reading of the
//! job result and does not move; the monotonic clock runs from 0, because pollables need it. Random
//! numbers are derived from the line's idempotency key alone. They are the same in every attempt,
//! so they must not be used as secrets. `wasi:http` works like `ropewalk:host/http`.

mod clock;
mod random;
mod stdio;

use std::sync::Arc;

use ::engine::model::result::LogLevel;
use wasmtime::component::{Linker, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::wasi_http::Hooks;
use crate::host::effects::Effects;
use crate::host::guest::Guest;
use crate::host::log::Log;
use stdio::Lines;

/// Most random bytes that one call may request.
const RANDOM_BYTES: u64 = 1024 * 1024;

pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)
}

/// The state of WASI for one instance. It is created at the first call, so that guests without WASI
/// do not pay for it.
pub(in crate::host) struct Wasi {
    context: WasiCtx,
    http: WasiHttpCtx,
    hooks: Hooks,
    table: ResourceTable,
    stdout: Lines,
    stderr: Lines,
}

impl Wasi {
    /// `now` is the clock reading in RFC 3339.
    pub(in crate::host) fn new(effects: &Arc<Effects>, log: &Log, now: &str) -> Self {
        let (stdout, stderr) = (Lines::into(log, LogLevel::Info), Lines::into(log, LogLevel::Warn));
        let key = &effects.caller().idempotency_key;
        let mut builder = WasiCtx::builder();
        builder
            .stdout(stdout.clone())
            .stderr(stderr.clone())
            .wall_clock(clock::Frozen::at(now))
            .monotonic_clock(clock::Running::from_zero())
            .secure_random(random::Seeded::with(key, "secure"))
            .insecure_random(random::Seeded::with(key, "insecure"))
            .insecure_random_seed(random::seed(key))
            .max_random_size(RANDOM_BYTES)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false);
        let mut table = ResourceTable::new();
        table.set_max_capacity(effects.limits().resources);
        let hooks = Hooks::of(effects);
        Self { context: builder.build(), http: WasiHttpCtx::new(), hooks, table, stdout, stderr }
    }

    /// Logs what was written without a final line break.
    pub(in crate::host) fn flush(&self) {
        self.stdout.finish();
        self.stderr.finish();
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let Wasi { context, table, .. } = self.wasi();
        WasiCtxView { ctx: context, table }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let Wasi { http, hooks, table, .. } = self.wasi();
        WasiHttpCtxView { ctx: http, hooks, table }
    }
}

#[cfg(test)]
mod tests;
