//! Work that would block the threads that all tasks share.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Below this many bytes, handing work over costs more than it saves.
const LARGE: usize = 256 * 1024;

/// Runs work whose time grows with `bytes`. If there are many, the other tasks of this thread move
/// to another one meanwhile.
pub(super) fn run_blocking<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    // A runtime with one thread has no other thread to move to.
    let shared = Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread);
    if shared && bytes >= LARGE { tokio::task::block_in_place(work) } else { work() }
}
