//! What the host knows of one instance: the data of its store, and when it must stop.

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;
use wasmtime::{Store, StoreContextMut, UpdateDeadline};

use super::capabilities::Wasi;
use super::capabilities::log::Log;
use super::engine::Runtime;
use super::limits::Growth;
use super::outside::{Caller, Outside};
use super::pulse::Beat;

/// What a call may carry besides its records: messages, reasons, log lines.
const MARGIN: usize = 1024 * 1024;

/// The data of a store.
pub(super) struct Guest {
    pub(super) log: Log,
    pub(super) outside: Arc<Outside>,
    pub(super) growth: Growth,
    wasi: Option<Box<Wasi>>,
    /// The clock reading that WASI gives out.
    now: String,
    stop: Stop,
    /// Ticks of the present call.
    ticks: u32,
    _beat: Beat,
}

/// Ticks that a call may run on before it gives way: those that are soon done do not queue up
/// behind those that are not.
const PATIENCE: u32 = 3;

/// When a guest must stop.
#[derive(Clone)]
pub(super) struct Stop {
    kill: CancellationToken,
    end: Instant,
}

/// Why a guest was stopped.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub(super) enum Interrupted {
    #[error("killed")]
    Killed,
    #[error("out of time")]
    OutOfTime,
}

impl Guest {
    pub(super) fn wasi(&mut self) -> &mut Wasi {
        self.wasi.get_or_insert_with(|| Box::new(Wasi::new(&self.outside, &self.log, &self.now)))
    }

    #[cfg(test)]
    pub(super) fn wasi_if_made(&self) -> Option<&Wasi> {
        self.wasi.as_deref()
    }

    /// Lets go of whatever the guest still waits for.
    pub(super) fn let_go(&mut self) {
        if let Some(wasi) = self.wasi.take() {
            wasi.flush();
        }
    }

    /// Completes the log.
    pub(super) fn flush(&self) {
        if let Some(wasi) = &self.wasi {
            wasi.flush();
        }
    }

    /// Begins a call: gives what holds it.
    pub(super) fn begin(&mut self) -> Stop {
        self.ticks = 0;
        self.stop.clone()
    }
}

impl Stop {
    fn reason(&self) -> Option<Interrupted> {
        match () {
            () if self.kill.is_cancelled() => Some(Interrupted::Killed),
            () if Instant::now() >= self.end => Some(Interrupted::OutOfTime),
            () => None,
        }
    }

    /// Waits for a call of the guest, which may wait for a host call in turn, no longer than it may take.
    pub(super) async fn hold<T>(self, call: impl Future<Output = wasmtime::Result<T>>) -> wasmtime::Result<T> {
        let call = pin!(call);
        tokio::select! {
            biased;
            done = call => done,
            () = self.kill.cancelled() => Err(Interrupted::Killed.into()),
            () = until(self.end) => Err(Interrupted::OutOfTime.into()),
        }
    }
}

async fn until(end: Instant) {
    tokio::time::sleep_until(end.into()).await;
}

/// A store with all limits in force.
pub(super) fn new_store(
    runtime: &Runtime,
    caller: Caller,
    kill: CancellationToken,
    now: String,
    carries: usize,
) -> Store<Guest> {
    let limits = runtime.limits();
    let (log, stop) = (Log::within(limits, Arc::clone(&caller.listener)), Stop { kill, end: caller.end });
    let outside = Arc::new(Outside::new(caller, log.clone(), runtime.client().clone(), Arc::clone(limits)));
    let growth = Growth::within(limits);
    let guest = Guest { log, outside, growth, wasi: None, now, stop, ticks: 0, _beat: runtime.beat() };
    let mut store = Store::new(runtime.engine(), guest);
    store.limiter(|guest| &mut guest.growth);
    // A little more than the limit, so that our own message comes first.
    store.set_hostcall_fuel(carries.saturating_add(MARGIN));
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(on_tick);
    store
}

/// A guest that runs on gives way to others at every tick, until its time is over. It queues up
/// behind what waits for the network and the clock, too.
fn on_tick(mut store: StoreContextMut<'_, Guest>) -> wasmtime::Result<UpdateDeadline> {
    let guest = store.data_mut();
    guest.ticks += 1;
    match guest.stop.reason() {
        Some(reason) => Err(reason.into()),
        None if guest.ticks < PATIENCE => Ok(UpdateDeadline::Continue(1)),
        None => Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now()))),
    }
}
