//! The sweep: proves that every active schedule is armed, by working out anew from what each says
//! where it should stand. What is not so is told, and put right.

use super::Scheduler;
use crate::ports::StoreError;
use crate::ports::schedules::Inspected;

/// How many schedules are looked at together.
const PAGE: u32 = 500;

/// What a sweep found.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// Active schedules.
    pub active: u64,
    /// Those that were not armed and are now.
    pub repaired: u64,
    /// Those that cannot be read.
    pub unreadable: u64,
}

impl Scheduler {
    /// Looks at every schedule, and says what it found where an alert looks.
    pub(super) async fn sweep(&mut self) {
        match self.look_at_all().await {
            Ok(swept) => {
                let figures = &self.engine.figures;
                figures.schedules_active.set(swept.active);
                figures.schedules_unarmed.set(swept.repaired + swept.unreadable);
                if swept.repaired > 0 {
                    self.engine.schedules_changed.notify_one();
                }
            }
            Err(error) => tracing::warn!(%error, "the schedules could not be looked at; trying again later"),
        }
    }

    /// Looks at every schedule.
    ///
    /// # Errors
    /// The store failed.
    pub async fn look_at_all(&mut self) -> Result<Swept, StoreError> {
        let (mut swept, mut after) = (Swept::default(), None);
        loop {
            let some = self.engine.schedules.inspect(after, PAGE).await?;
            for ((_, id), told) in &some.unreadable {
                tracing::error!(schedule = %id.0, %told, "a schedule cannot be read, so that it starts nothing");
                swept.unreadable += 1;
            }
            for one in &some.schedules {
                swept.active += u64::from(one.saved.schedule.active);
                swept.repaired += u64::from(self.put_right(one).await?);
            }
            after = match some.last {
                Some(last) => Some(last),
                None => return Ok(swept),
            };
        }
    }

    /// Puts a schedule right that does not stand as it should; whether it was so.
    async fn put_right(&self, one: &Inspected) -> Result<bool, StoreError> {
        let Inspected { saved, awaits, due } = one;
        let armed = saved.schedule.is_armed(&saved.position, *awaits);
        if armed && *due == saved.due() {
            return Ok(false);
        }
        let position = match armed {
            true => saved.position,
            false => saved.schedule.repaired(&saved.position, self.engine.clock.now()),
        };
        let repaired = self.engine.schedules.rearm(saved, position).await?;
        if repaired {
            let (job, schedule) = (&saved.job, &saved.schedule.key);
            tracing::error!(%job, %schedule, "a schedule was not armed; it is now");
        }
        Ok(repaired)
    }
}
