//! The clock of scripts. It does not run; it always shows the one clock reading of the job result.

use std::sync::atomic::{AtomicU64, Ordering};

/// Microseconds since 1970, as the bits of an f64.
static NOW: AtomicU64 = AtomicU64::new(0);

/// Sets the time of `Date.now()` and `new Date()`.
pub(crate) fn set(milliseconds: f64) {
    NOW.store((milliseconds * 1000.0).to_bits(), Ordering::Relaxed);
}

/// QuickJS calls this function for the time, because there is no other clock in the sandbox.
#[cfg(target_arch = "wasm32")]
#[unsafe(no_mangle)]
extern "C" fn __rquickjs_host_now_us() -> f64 {
    f64::from_bits(NOW.load(Ordering::Relaxed))
}
