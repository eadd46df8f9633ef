//! The pulse that interrupts guests: a thread that no guest can hold up, and
//! that sleeps while no guest is alive.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use wasmtime::Engine;

/// Ticks an engine's epoch as long as somebody holds a [`Beat`].
#[derive(Clone)]
pub(super) struct Pulse {
    heart: Arc<Heart>,
}

struct Heart {
    beats: AtomicUsize,
    stopped: AtomicBool,
    asleep: Mutex<()>,
    wake: Condvar,
}

/// Keeps the pulse going.
pub(super) struct Beat(Arc<Heart>);

impl Pulse {
    /// A pulse for this engine, asleep until somebody needs it.
    pub(super) fn of(engine: Engine, tick: Duration) -> std::io::Result<Self> {
        let (beats, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
        let heart = Arc::new(Heart { beats, stopped, asleep: Mutex::new(()), wake: Condvar::new() });
        let ticking = Arc::clone(&heart);
        let beat = move || {
            while ticking.wait() {
                std::thread::sleep(tick);
                engine.increment_epoch();
            }
        };
        std::thread::Builder::new().name("wasm-pulse".to_owned()).spawn(beat)?;
        Ok(Self { heart })
    }

    /// Keeps the pulse going until the beat is dropped.
    pub(super) fn beat(&self) -> Beat {
        if self.heart.beats.fetch_add(1, Ordering::SeqCst) == 0 {
            self.heart.rouse();
        }
        Beat(Arc::clone(&self.heart))
    }

    /// Ends the thread.
    pub(super) fn stop(&self) {
        self.heart.stopped.store(true, Ordering::SeqCst);
        self.heart.rouse();
    }
}

impl Heart {
    /// Sleeps until there is something to tick for; false when it is all over.
    fn wait(&self) -> bool {
        let mut asleep = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
        while self.beats.load(Ordering::SeqCst) == 0 && !self.stopped.load(Ordering::SeqCst) {
            asleep = self.wake.wait(asleep).unwrap_or_else(PoisonError::into_inner);
        }
        !self.stopped.load(Ordering::SeqCst)
    }

    /// Takes the lock, so that no wake is lost between a look and a sleep.
    fn rouse(&self) {
        let _awake = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
        self.wake.notify_one();
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        self.0.beats.fetch_sub(1, Ordering::SeqCst);
    }
}
