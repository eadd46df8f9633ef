//! Retention: removes old results, a few at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::sleep_or_stop;
use crate::model::audit::{FREQUENT, KEPT_DAYS};
use crate::model::lifecycle::retention::Retention;
use crate::model::rights::Operation;
use crate::node::Node;
use crate::node::panics::catch_panic;

/// The pause after the last step, and the pause between two steps.
const IDLE_PAUSE: Duration = Duration::from_secs(600);
const STEP_PAUSE: Duration = Duration::from_millis(50);
/// How often the stored bytes of organizations are counted: the store has to read every row for that.
const COUNT_INTERVAL: Duration = IDLE_PAUSE;

pub(crate) async fn work(node: Arc<Node>, keep: Retention, stop: CancellationToken) {
    let (mut pause, mut counted) = (STEP_PAUSE, None::<Instant>);
    while !sleep_or_stop(pause, &stop).await {
        if counted.is_none_or(|counted| counted.elapsed() >= COUNT_INTERVAL) {
            if let Some(Err(error)) = catch_panic("count", node.usage.count_stored()).await {
                tracing::warn!(%error, "the stored bytes of organizations could not be counted; this is retried later");
            }
            counted = Some(Instant::now());
            catch_panic("audit retention", prune_audit(&node, keep, &stop)).await;
        }
        pause = match catch_panic("retention", node.stores.endings.prune(keep, node.clock.now())).await {
            Some(Ok(pruned)) => {
                if pruned.removed > 0 {
                    tracing::debug!(removed = pruned.removed, "old job results were removed");
                }
                if pruned.more { STEP_PAUSE } else { IDLE_PAUSE }
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "old job results could not be removed; this is retried later");
                IDLE_PAUSE
            }
            None => IDLE_PAUSE,
        };
    }
}

/// Removes old entries of the audit log, until `stop`.
async fn prune_audit(node: &Node, keep: Retention, stop: &CancellationToken) {
    let (now, frequent) = (node.clock.now(), FREQUENT.map(Operation::word));
    let age = TimeDelta::from_std(keep.age).unwrap_or(TimeDelta::MAX);
    for (age, operations) in [(age, Some(&frequent[..])), (TimeDelta::days(KEPT_DAYS), None)] {
        let Some(before) = now.checked_sub_signed(age) else { continue };
        loop {
            match node.stores.audit.prune_audit(before, operations).await {
                Ok(0) => break,
                Ok(_) if sleep_or_stop(STEP_PAUSE, stop).await => return,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "old entries of the audit log could not be removed; this is retried later");
                    return;
                }
            }
        }
    }
}
