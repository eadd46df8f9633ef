//! Limits the depth of calls in scripts.

use std::cell::Cell;

use rquickjs::{Ctx, qjs};

/// Bytes of the stack in linear memory that scripts may use, which is enough for about 600 plain calls.
/// With a WASM stack of 1 MiB in the host, every kind of recursion that was tried ends as a RangeError.
/// With 512 KiB, recursion through async functions, generators and revivers would trap first.
pub(crate) const WHOLE: usize = 160 << 10;

/// Bytes of the stack that writing JSON may use. Each level needs little of this stack and much of the
/// WASM stack, which would overflow before the whole limit is reached.
const NARROW: usize = 64 << 10;

thread_local! {
    /// The stack pointer when the engine was created.
    static TOP: Cell<usize> = const { Cell::new(0) };
}

/// Remembers the stack pointer.
pub(crate) fn begin() {
    TOP.set(stack_pointer());
}

/// Reduces the limit to [`NARROW`] from here on, or restores it.
pub(crate) fn narrow(ctx: Ctx<'_>, on: bool) {
    let used = TOP.get().saturating_sub(stack_pointer());
    let size = if on { (used + NARROW).min(WHOLE) } else { WHOLE };
    // SAFETY: the context and its runtime are alive, and the call only sets a number, which the engine
    // reads at the next call of a function.
    unsafe { qjs::JS_SetMaxStackSize(qjs::JS_GetRuntime(ctx.as_raw().as_ptr()), size as qjs::size_t) };
}

/// Roughly the stack pointer.
#[inline(never)]
fn stack_pointer() -> usize {
    let local = 0_u8;
    std::hint::black_box(std::ptr::addr_of!(local)).addr()
}
