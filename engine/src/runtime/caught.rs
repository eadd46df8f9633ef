//! Panics in the tasks that a node lives by: each is logged, and the task goes on.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

/// Does a step of a task; none if it panicked.
pub(crate) async fn caught<T>(task: &'static str, step: impl Future<Output = T>) -> Option<T> {
    let done = AssertUnwindSafe(step).catch_unwind().await;
    if done.is_err() {
        tracing::error!(task, "a fault of the engine broke a task off; it goes on after a pause");
    }
    done.ok()
}
