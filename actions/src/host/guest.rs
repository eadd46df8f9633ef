//! The host's data about one instance: the data of its store, and when it must stop.

pub(super) mod capabilities;

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;
use wasmtime::{StoreContextMut, UpdateDeadline};

use super::effects::{Caller, Effects};
use super::epoch::EpochGuard;
use super::limits::{GrowthLimiter, Limits};
use super::log::Log;
use crate::egress::Client;
use capabilities::Wasi;

/// The data of a store.
pub(super) struct Guest {
    pub(super) log: Log,
    pub(super) effects: Arc<Effects>,
    pub(super) limiter: GrowthLimiter,
    wasi: Option<Box<Wasi>>,
    /// The clock reading, for the clock of WASI.
    now: String,
    stop: Stop,
    /// Epoch ticks since the current call began.
    ticks: u32,
    _epoch: EpochGuard,
}

/// Epoch ticks before a call yields for the first time, so that short calls do not have to wait in
/// the queue behind long ones.
const TICKS_BEFORE_YIELD: u32 = 3;

/// When a guest must stop.
#[derive(Clone)]
pub(super) struct Stop {
    cancellation: CancellationToken,
    end: Instant,
}

/// Why a guest was stopped.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub(super) enum Interrupted {
    #[error("cancelled")]
    Cancelled,
    #[error("out of time")]
    OutOfTime,
}

impl Guest {
    /// The guest of this caller. `now` is the clock reading for WASI.
    pub(super) fn new(
        (caller, now): (Caller, String),
        cancellation: CancellationToken,
        (limits, client): (&Arc<Limits>, Client),
        epoch: EpochGuard,
    ) -> Self {
        let log = Log::within(limits, Arc::clone(&caller.listener));
        let stop = Stop { cancellation, end: caller.end };
        let effects = Arc::new(Effects::new(caller, log.clone(), client, Arc::clone(limits)));
        Self { log, effects, limiter: GrowthLimiter::within(limits), wasi: None, now, stop, ticks: 0, _epoch: epoch }
    }

    pub(super) fn wasi(&mut self) -> &mut Wasi {
        self.wasi.get_or_insert_with(|| Box::new(Wasi::new(&self.effects, &self.log, &self.now)))
    }

    #[cfg(test)]
    pub(super) fn existing_wasi(&self) -> Option<&Wasi> {
        self.wasi.as_deref()
    }

    /// Drops everything that the guest still waits for.
    pub(super) fn drop_wasi(&mut self) {
        if let Some(wasi) = self.wasi.take() {
            wasi.flush();
        }
    }

    /// Writes unfinished lines of output to the log.
    pub(super) fn flush_output(&self) {
        if let Some(wasi) = &self.wasi {
            wasi.flush();
        }
    }

    /// Begins a call, which must run within the returned [`Stop`].
    pub(super) fn begin_call(&mut self) -> Stop {
        self.ticks = 0;
        self.stop.clone()
    }
}

impl Stop {
    fn reason(&self) -> Option<Interrupted> {
        match () {
            () if self.cancellation.is_cancelled() => Some(Interrupted::Cancelled),
            () if Instant::now() >= self.end => Some(Interrupted::OutOfTime),
            () => None,
        }
    }

    /// Waits for a call of the guest, until the guest must stop. The guest may wait for a host call meanwhile.
    pub(super) async fn limit<T>(self, call: impl Future<Output = wasmtime::Result<T>>) -> wasmtime::Result<T> {
        let call = pin!(call);
        tokio::select! {
            biased;
            result = call => result,
            () = self.cancellation.cancelled() => Err(Interrupted::Cancelled.into()),
            () = tokio::time::sleep_until(self.end.into()) => Err(Interrupted::OutOfTime.into()),
        }
    }
}

/// A guest that keeps running yields to other tasks at every tick, until its time is over. Tasks
/// that wait for the network or a timer run first, too.
pub(super) fn on_tick(mut store: StoreContextMut<'_, Guest>) -> wasmtime::Result<UpdateDeadline> {
    let guest = store.data_mut();
    guest.ticks += 1;
    match guest.stop.reason() {
        Some(reason) => Err(reason.into()),
        None if guest.ticks < TICKS_BEFORE_YIELD => Ok(UpdateDeadline::Continue(1)),
        None => Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now()))),
    }
}
