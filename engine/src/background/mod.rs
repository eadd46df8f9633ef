//! What a node does by itself: it starts jobs at the instants of their schedules, checks that all schedules are armed,
//! removes old results, and writes its heartbeat. Nothing here is called by a request.

pub(crate) mod heartbeat;
pub(crate) mod retention;
pub mod scheduler;
pub mod sweep;

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Sleeps. Returns whether it is time to stop.
async fn sleep_or_stop(pause: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => true,
        () = tokio::time::sleep(pause) => false,
    }
}
