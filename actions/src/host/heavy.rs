//! Work that keeps a thread busy, away from those that everybody shares.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Below this many bytes, handing work over costs more than it spares.
const LARGE: usize = 256 * 1024;

/// Does work that grows with `bytes`; if they are many, the other tasks of this thread go on
/// elsewhere meanwhile.
pub(super) fn heavy<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    // A runtime of one thread has nowhere else to go.
    let shared = Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread);
    if shared && bytes >= LARGE { tokio::task::block_in_place(work) } else { work() }
}
