//! Advances the epoch of the engine, which interrupts guests. It runs in a separate thread, which
//! no guest can delay, and which sleeps while there is no guest.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use wasmtime::Engine;

/// Advances an engine's epoch as long as there is an [`EpochGuard`].
#[derive(Clone)]
pub(super) struct EpochTicker {
    state: Arc<TickerState>,
}

struct TickerState {
    guards: AtomicUsize,
    stopped: AtomicBool,
    asleep: Mutex<()>,
    wake: Condvar,
}

/// Keeps the epoch advancing until it is dropped.
pub(super) struct EpochGuard(Arc<TickerState>);

impl EpochTicker {
    /// A ticker for this engine. Its thread sleeps until there is a guard.
    pub(super) fn of(engine: Engine, tick: Duration) -> std::io::Result<Self> {
        let (guards, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
        let state = Arc::new(TickerState { guards, stopped, asleep: Mutex::new(()), wake: Condvar::new() });
        let of_thread = Arc::clone(&state);
        let advance = move || {
            while of_thread.wait_for_guard() {
                std::thread::sleep(tick);
                engine.increment_epoch();
            }
        };
        std::thread::Builder::new().name("wasm-epoch".to_owned()).spawn(advance)?;
        Ok(Self { state })
    }

    pub(super) fn keep_advancing(&self) -> EpochGuard {
        if self.state.guards.fetch_add(1, Ordering::SeqCst) == 0 {
            self.state.wake_thread();
        }
        EpochGuard(Arc::clone(&self.state))
    }

    /// Ends the thread.
    pub(super) fn stop(&self) {
        self.state.stopped.store(true, Ordering::SeqCst);
        self.state.wake_thread();
    }
}

impl TickerState {
    /// Sleeps until there is a guard; false when the thread must end.
    fn wait_for_guard(&self) -> bool {
        let mut asleep = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
        while self.guards.load(Ordering::SeqCst) == 0 && !self.stopped.load(Ordering::SeqCst) {
            asleep = self.wake.wait(asleep).unwrap_or_else(PoisonError::into_inner);
        }
        !self.stopped.load(Ordering::SeqCst)
    }

    /// Takes the lock, so that the thread cannot miss this between its check and its sleep.
    fn wake_thread(&self) {
        let _asleep = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
        self.wake.notify_one();
    }
}

impl Drop for EpochGuard {
    fn drop(&mut self) {
        self.0.guards.fetch_sub(1, Ordering::SeqCst);
    }
}
