//! The sweep: checks that every active schedule is armed for its next start, and repairs those that are not. A schedule
//! that is not armed would silently never start again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use crate::node::Node;
use crate::node::panics::catch_panic;
use crate::ports::StoreError;
use crate::ports::schedules::{Inspected, SavedSchedule};

/// How often all schedules are checked, and how often while some are saved.
const INTERVAL: Duration = Duration::from_secs(600);
const INTERVAL_AFTER_SAVES: Duration = Duration::from_secs(60);
/// How many schedules are checked together, and the pause before the next ones.
const PAGE: u32 = 200;
const PAGE_PAUSE: Duration = Duration::from_millis(5);
/// How late a start may be before it counts as overdue.
const OVERDUE: TimeDelta = TimeDelta::minutes(1);

/// The result of a sweep.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// Active schedules.
    pub active: u64,
    /// Schedules that were not armed and are now.
    pub repaired: u64,
    /// Schedules that cannot be read.
    pub unreadable: u64,
    /// Schedules that should have started a while ago: the scheduler is too slow or does not run.
    pub overdue: u64,
}

/// Checks all schedules regularly until `stop`, more often after some were saved.
pub(super) async fn work(node: Arc<Node>, stop: CancellationToken) {
    let mut since_last = INTERVAL;
    while !stop.is_cancelled() {
        if node.schedules.saved.swap(false, Ordering::AcqRel) || since_last >= INTERVAL {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = catch_panic("sweep", sweep(&node)) => since_last = Duration::ZERO,
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(INTERVAL_AFTER_SAVES) => since_last += INTERVAL_AFTER_SAVES,
        }
    }
}

/// Checks every schedule, and sets the metrics.
async fn sweep(node: &Arc<Node>) {
    match check_schedules(node).await {
        Ok(swept) => {
            node.metrics.schedules_active.set(swept.active);
            node.metrics.schedules_unarmed.set(swept.repaired + swept.unreadable + swept.overdue);
        }
        Err(error) => tracing::warn!(%error, "the schedules could not be checked; this is retried later"),
    }
}

/// Checks every schedule, and repairs those that are not armed as they should be.
///
/// # Errors
/// The store failed.
pub(crate) async fn check_schedules(node: &Arc<Node>) -> Result<Swept, StoreError> {
    let (mut swept, mut after) = (Swept::default(), None);
    loop {
        let page = node.stores.due_schedules.inspect(after, PAGE).await?;
        for ((_, id), fault) in &page.unreadable {
            let schedule = id.0;
            tracing::error!(%schedule, %fault, "a schedule cannot be read, so it starts nothing; save its job again");
            swept.unreadable += 1;
        }
        for inspected in &page.schedules {
            let SavedSchedule { schedule, position, .. } = &inspected.saved;
            swept.overdue += u64::from(inspected.due.is_some_and(|due| due < node.clock.now() - OVERDUE));
            let repaired = repair(node, inspected).await?;
            swept.repaired += u64::from(repaired);
            swept.active += u64::from(repaired || schedule.active && !schedule.is_over(position));
        }
        if page.last.is_none() {
            break;
        }
        after = page.last;
        tokio::time::sleep(PAGE_PAUSE).await;
    }
    if swept.repaired > 0 {
        node.schedules.changed.notify_one();
    }
    Ok(swept)
}

/// Repairs a schedule that is not armed as it should be. Returns whether that was necessary.
async fn repair(node: &Arc<Node>, inspected: &Inspected) -> Result<bool, StoreError> {
    let (Inspected { saved, awaits, due }, now) = (inspected, node.clock.now());
    let ahead = saved.position.awaits.is_none() && saved.schedule.is_ahead(&saved.position, now);
    let armed = !ahead && saved.schedule.is_armed(&saved.position, *awaits);
    if armed && *due == saved.due() {
        return Ok(false);
    }
    let position = if armed { saved.position } else { saved.schedule.repaired(&saved.position, now) };
    let repaired = node.stores.due_schedules.rearm(saved, position).await?;
    if repaired {
        let (job, schedule) = (&saved.job, &saved.schedule.key);
        tracing::error!(%job, %schedule, "a schedule was not armed as it should be; it was repaired");
    }
    Ok(repaired)
}
