//! Catching panics in the tasks of a node, so that the tasks continue.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

/// Runs a step of a task; none if it panicked, which is logged.
pub(crate) async fn catch_panic<T>(task: &'static str, step: impl Future<Output = T>) -> Option<T> {
    let done = AssertUnwindSafe(step).catch_unwind().await;
    if done.is_err() {
        tracing::error!(task, "a task of the engine panicked; it continues after a pause");
    }
    done.ok()
}
