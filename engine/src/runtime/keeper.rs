//! Keeping house: removes what of the history is older than is kept, a little at a time, and
//! puts back what lost nodes had taken up where several share a store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::caught::caught;
use super::engine::Engine;
use crate::ports::results::Retention;

/// How long the keeper rests when there was nothing left to remove, and between two steps when there was.
const REST: Duration = Duration::from_secs(600);
const BREATH: Duration = Duration::from_millis(50);
/// How often it is counted what organizations keep: the store looks at every row for that.
const COUNT_EVERY: Duration = REST;
/// How often a node says that it is alive, unless silence is noticed sooner.
const BEAT: Duration = Duration::from_secs(2);

impl Engine {
    /// Removes what is older than is kept until `stop`, in steps that leave everybody else room.
    pub async fn keep_house(self: Arc<Self>, keep: Retention, stop: CancellationToken) {
        let (mut rest, mut counted) = (BREATH, None::<Instant>);
        while !rested(rest, &stop).await {
            if counted.is_none_or(|counted| counted.elapsed() >= COUNT_EVERY) {
                if let Some(Err(error)) = caught("count", self.count_stored()).await {
                    tracing::warn!(%error, "what organizations keep could not be counted; trying again later");
                }
                counted = Some(Instant::now());
            }
            let Some(pruned) = caught("retention", self.results.prune(keep, self.clock.now())).await else {
                rest = REST;
                continue;
            };
            rest = match pruned {
                Ok(pruned) => {
                    if pruned.removed > 0 {
                        tracing::debug!(removed = pruned.removed, "old job results were removed");
                    }
                    if pruned.more { BREATH } else { REST }
                }
                Err(error) => {
                    tracing::warn!(%error, "old job results could not be removed; trying again later");
                    REST
                }
            };
        }
    }

    /// Says that this node is alive, and takes over from those that are silent, until `stop`. Only
    /// where several nodes share a store: `serve` has its SQLite file for itself and does without.
    pub async fn watch_others(self: Arc<Self>, silence: Duration, stop: CancellationToken) {
        loop {
            let now = self.clock.now();
            let watch = async {
                let beaten = self.queue.beat(self.node, now).await;
                (beaten, self.queue.recover(self.node, now, Some(silence)).await)
            };
            match caught("heartbeat", watch).await {
                None | Some((Ok(()), Ok(0))) => {}
                Some((Ok(()), Ok(count))) => {
                    tracing::warn!(count, "took over job results of a node that is silent");
                    self.wake.notify_one();
                }
                Some((Err(error), _) | (_, Err(error))) => self.health.paused(&error),
            }
            if rested(BEAT.min(silence / 4), &stop).await {
                return;
            }
        }
    }
}

/// Waits; whether it is time to stop.
async fn rested(rest: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => true,
        () = tokio::time::sleep(rest) => false,
    }
}
