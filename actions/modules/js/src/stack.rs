//! How deep scripts may call.

use std::cell::Cell;

use rquickjs::{Ctx, qjs};

/// Bytes of the stack in linear memory that scripts may use: some 600 plain calls deep.
/// With a wasm stack of 1 MiB at the host every kind of recursion tried ends as a
/// RangeError; with 512 KiB those through async, generators and revivers trap first.
pub(crate) const WHOLE: usize = 160 << 10;

/// As much as writing JSON may use. It takes little of this stack for each level, and so
/// much of the wasm stack that the whole of this one would never be used up.
const NARROW: usize = 64 << 10;

thread_local! {
    /// Where the stack stood when the engine was made.
    static TOP: Cell<usize> = const { Cell::new(0) };
}

/// Remembers where the stack stands.
pub(crate) fn begin() {
    TOP.set(here());
}

/// Leaves so much less of the stack from here on, or all of it again.
pub(crate) fn narrow(ctx: Ctx<'_>, on: bool) {
    let used = TOP.get().saturating_sub(here());
    let size = if on { (used + NARROW).min(WHOLE) } else { WHOLE };
    // SAFETY: the context is alive while it is used, and its runtime with it; the call
    // only sets a number, which the engine reads at the next call of a function.
    unsafe { qjs::JS_SetMaxStackSize(qjs::JS_GetRuntime(ctx.as_raw().as_ptr()), size as qjs::size_t) };
}

/// Roughly the stack pointer.
#[inline(never)]
fn here() -> usize {
    let local = 0_u8;
    std::hint::black_box(std::ptr::addr_of!(local)).addr()
}
