//! Promises that failed while nobody waited for them: `records.forEach(async …)` loses
//! its errors that way, and no failure may be silent.

use std::cell::{Cell, RefCell};

use rquickjs::{Ctx, Runtime, Value, qjs};

use crate::fault::{self, Shift};

/// Most that are kept; the first ones tell enough.
const MOST: usize = 20;

thread_local! {
    /// The address of each promise, and what it failed with.
    static UNHEARD: RefCell<Vec<(usize, String)>> = const { RefCell::new(Vec::new()) };
    /// How far the script's first line was moved.
    static SHIFT: Cell<Shift> = const { Cell::new(Shift::NONE) };
}

/// Watches the promises of a runtime.
pub(crate) fn watch(runtime: &Runtime) {
    runtime.set_host_promise_rejection_tracker(Some(Box::new(note)));
}

/// Called when a promise fails unheard, and again when somebody hears of it after all.
fn note(_: Ctx<'_>, promise: Value<'_>, reason: Value<'_>, heard: bool) {
    // SAFETY: the address is only compared, never followed.
    let address = unsafe { qjs::JS_VALUE_GET_PTR(promise.as_raw()) } as usize;
    UNHEARD.with_borrow_mut(|unheard| {
        unheard.retain(|(other, _)| *other != address);
        if !heard && unheard.len() < MOST {
            unheard.push((address, fault::explain(&reason, SHIFT.get())));
        }
    });
}

/// Begins anew, for a script that was so moved.
pub(crate) fn begin(shift: Shift) {
    UNHEARD.take();
    SHIFT.set(shift);
}

/// What was noted since the last call.
pub(crate) fn take() -> Vec<String> {
    UNHEARD.with_borrow_mut(|unheard| unheard.drain(..).map(|(_, reason)| reason).collect())
}
