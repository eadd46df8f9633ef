//! The heartbeat: a node writes that it is alive, and takes over the results of nodes that are silent.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::sleep_or_stop;
use crate::node::Node;
use crate::node::panics::catch_panic;

/// The longest time between two heartbeats.
const INTERVAL: Duration = Duration::from_secs(2);

pub(crate) async fn work(node: Arc<Node>, silence: Duration, stop: CancellationToken) {
    loop {
        let now = node.clock.now();
        let beat = async {
            let written = node.stores.queue.beat(node.id, now).await;
            let recovered = node.stores.queue.recover(node.id, now, Some(silence)).await;
            written.and(recovered)
        };
        match catch_panic("heartbeat", beat).await {
            None | Some(Ok(0)) => {}
            Some(Ok(count)) => {
                tracing::warn!(count, "took over the job results of a silent node");
                node.wake.notify_one();
            }
            Some(Err(error)) => node.health.paused(&error),
        }
        if sleep_or_stop(INTERVAL.min(silence / 4), &stop).await {
            return;
        }
    }
}
