//! The sweep: proves that every active schedule is armed, by working out anew from what each says
//! where it should stand. What is not so is told, and put right.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use crate::ports::StoreError;
use crate::ports::schedules::{Inspected, SavedSchedule};
use crate::runtime::caught::caught;
use crate::runtime::engine::Engine;

/// How often all schedules are looked at, and how often while some are saved.
const REST: Duration = Duration::from_secs(600);
const REST_AFTER_SAVES: Duration = Duration::from_secs(60);
/// How many schedules are looked at together, and how long everybody else has room before the next.
const PAGE: u32 = 200;
const BREATH: Duration = Duration::from_millis(5);
/// How late a start may be before somebody should look why.
const OVERDUE: TimeDelta = TimeDelta::minutes(1);

/// What a sweep found.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// Active schedules.
    pub active: u64,
    /// Those that were not armed and are now.
    pub repaired: u64,
    /// Those that cannot be read.
    pub unreadable: u64,
    /// Those that came due a while ago and were not started: whoever starts them does not get to it.
    pub overdue: u64,
}

impl Engine {
    /// Looks at all schedules again and again until `stop`; sooner when some were saved.
    pub(super) async fn keep_sweeping(self: Arc<Self>, stop: CancellationToken) {
        let mut rested = REST;
        while !stop.is_cancelled() {
            if self.schedules_saved.swap(false, Ordering::AcqRel) || rested >= REST {
                tokio::select! {
                    () = stop.cancelled() => break,
                    _ = caught("sweep", self.sweep()) => rested = Duration::ZERO,
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(REST_AFTER_SAVES) => rested += REST_AFTER_SAVES,
            }
        }
    }

    /// Looks at every schedule, and says what it found where an alert looks.
    async fn sweep(&self) {
        match self.look_at_schedules().await {
            Ok(swept) => {
                self.figures.schedules_active.set(swept.active);
                self.figures.schedules_unarmed.set(swept.repaired + swept.unreadable + swept.overdue);
            }
            Err(error) => tracing::warn!(%error, "the schedules could not be looked at; trying again later"),
        }
    }

    /// Looks at every schedule, and puts right what does not stand as it should.
    ///
    /// # Errors
    /// The store failed.
    pub async fn look_at_schedules(&self) -> Result<Swept, StoreError> {
        let (mut swept, mut after) = (Swept::default(), None);
        loop {
            let some = self.schedules.inspect(after, PAGE).await?;
            for ((_, id), told) in &some.unreadable {
                tracing::error!(schedule = %id.0, %told, "a schedule cannot be read, so that it starts nothing");
                swept.unreadable += 1;
            }
            for one in &some.schedules {
                let SavedSchedule { schedule, position, .. } = &one.saved;
                swept.overdue += u64::from(one.due.is_some_and(|due| due < self.clock.now() - OVERDUE));
                let repaired = self.put_right(one).await?;
                swept.repaired += u64::from(repaired);
                swept.active += u64::from(repaired || schedule.active && !schedule.is_over(position));
            }
            if some.last.is_none() {
                break;
            }
            after = some.last;
            tokio::time::sleep(BREATH).await;
        }
        if swept.repaired > 0 {
            self.schedules_changed.notify_one();
        }
        Ok(swept)
    }

    /// Puts a schedule right that does not stand as it should; whether it was so.
    async fn put_right(&self, one: &Inspected) -> Result<bool, StoreError> {
        let (Inspected { saved, awaits, due }, now) = (one, self.clock.now());
        let ahead = saved.position.awaits.is_none() && saved.schedule.is_ahead(&saved.position, now);
        let armed = !ahead && saved.schedule.is_armed(&saved.position, *awaits);
        if armed && *due == saved.due() {
            return Ok(false);
        }
        let position = if armed { saved.position } else { saved.schedule.repaired(&saved.position, now) };
        let repaired = self.schedules.rearm(saved, position).await?;
        if repaired {
            let (job, schedule) = (&saved.job, &saved.schedule.key);
            tracing::error!(%job, %schedule, "a schedule was not armed as it should be; it is now");
        }
        Ok(repaired)
    }
}
