//! Notes promises that failed and were not awaited. `records.forEach(async …)` loses errors that
//! way, and no failure may be silent.

use std::cell::{Cell, RefCell};

use rquickjs::{Ctx, Runtime, Value, qjs};

use crate::fault::{self, Shift};

/// How many failures are noted; the first ones are enough.
const MOST: usize = 20;

thread_local! {
    /// The address of each promise, and why it failed.
    static UNHANDLED: RefCell<Vec<(usize, String)>> = const { RefCell::new(Vec::new()) };
    /// How far the script's first line was moved.
    static SHIFT: Cell<Shift> = const { Cell::new(Shift::NONE) };
}

/// Watches the promises of a runtime.
pub(crate) fn watch(runtime: &Runtime) {
    runtime.set_host_promise_rejection_tracker(Some(Box::new(note)));
}

/// Called when a promise fails without a handler, and again if it gets one later.
fn note(_: Ctx<'_>, promise: Value<'_>, reason: Value<'_>, handled: bool) {
    // SAFETY: the address is only compared, never followed.
    let address = unsafe { qjs::JS_VALUE_GET_PTR(promise.as_raw()) } as usize;
    UNHANDLED.with_borrow_mut(|unhandled| {
        unhandled.retain(|(other, _)| *other != address);
        if !handled && unhandled.len() < MOST {
            unhandled.push((address, fault::explain(&reason, SHIFT.get())));
        }
    });
}

/// Begins a call of a script with this shift.
pub(crate) fn begin(shift: Shift) {
    UNHANDLED.take();
    SHIFT.set(shift);
}

/// The failures since the last call.
pub(crate) fn take() -> Vec<String> {
    UNHANDLED.with_borrow_mut(|unhandled| unhandled.drain(..).map(|(_, reason)| reason).collect())
}
