//! The store of schedules: their definitions, and the position of each.

use std::collections::HashSet;

use async_trait::async_trait;

use super::results::{NewResult, Started};
use super::{Listed, StoreError};
use crate::model::Instant;
use crate::model::organization::{OrgScope, OrganizationId};
use crate::model::result::{ResultId, Scheduled};
use crate::model::schedule::{Fired, Firing, Position, Schedule, ScheduleId};
use crate::model::status::Status;

/// A schedule of a job, as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedSchedule {
    /// Whose it is.
    pub organization: OrganizationId,
    /// Identity.
    pub id: ScheduleId,
    /// Key of its job.
    pub job: String,
    /// Its definition.
    pub schedule: Schedule,
    /// Its position.
    pub position: Position,
    /// How often it was written: it can only be advanced by somebody who has read the newest revision.
    pub revision: u64,
}

impl SavedSchedule {
    /// When it is due; none while it is not armed.
    pub fn due(&self) -> Option<Instant> {
        self.position.next.map(|next| self.schedule.due(next, self.id))
    }

    /// A new schedule, or the changed one if there was one with the same key.
    pub fn save(
        before: Option<Self>,
        (organization, job): (OrganizationId, &str),
        (id, schedule): (ScheduleId, Schedule),
        now: Instant,
    ) -> Self {
        match before {
            Some(before) if before.schedule == schedule => before,
            Some(before) => {
                let position = schedule.replace(&before.schedule, &before.position, now);
                Self { position, schedule, revision: before.revision + 1, ..before }
            }
            None => {
                let position = schedule.begin(now);
                Self { organization, id, job: job.to_owned(), schedule, position, revision: 1 }
            }
        }
    }
}

/// Due schedules.
#[derive(Debug, Clone, Default)]
pub struct Due {
    /// The schedules that are due, the most overdue first.
    pub schedules: Vec<SavedSchedule>,
    /// The due schedules that cannot be read, with the fault.
    pub unreadable: Vec<(ScheduleRef, String)>,
    /// When the next one is due, if none is due now.
    pub next: Option<Instant>,
}

/// A due schedule: what it starts, and how that advances it.
#[derive(Debug, Clone)]
pub struct Fire {
    /// As it was read.
    pub saved: SavedSchedule,
    /// Its firing.
    pub firing: Firing,
    /// The results of its starts, and those that report starts that were left out or failed.
    pub results: Vec<NewResult>,
    /// When.
    pub at: Instant,
}

impl Fire {
    /// Its results that do not exist yet. `exists` answers for an instant; notifications of existing results are left
    /// out too.
    pub fn missing(&self, exists: impl Fn(&Scheduled) -> bool) -> Vec<&NewResult> {
        let exists = |new: &NewResult| new.scheduled.as_ref().is_some_and(&exists);
        let existing: Vec<_> = self.results.iter().filter(|new| exists(new)).map(|new| new.id).collect();
        let reports_existing = |new: &NewResult| new.notification_of.is_some_and(|of| existing.contains(&of));
        self.results.iter().filter(|new| !exists(new) && !reports_existing(new)).collect()
    }

    /// The position of the schedule after these results were started. Some of them may have been ended by other starts.
    pub fn moved(&self, started: &[Started], ended: &HashSet<ResultId>) -> Position {
        let pending = started.iter().filter(|started| started.result.status == Status::Pending);
        let of_schedule = pending.filter(|started| started.result.scheduled.is_some());
        let ids: Vec<ResultId> = of_schedule.map(|started| started.result.id).collect();
        let awaits = ids.last().copied().filter(|id| !ended.contains(id));
        let fired = Fired { counted: ids.len() as u64, awaits, at: self.at };
        self.saved.schedule.moved(&self.saved.position, &self.firing, fired)
    }
}

/// The answer to a firing.
#[derive(Debug, Clone, PartialEq)]
pub enum FireAnswer {
    /// These results were started; those of instants that were started before are left out.
    Fired(Vec<Started>),
    /// Nothing was started: the schedule was changed or advanced since it was read.
    Outdated,
}

/// A schedule in a walk through the schedules of all organizations.
pub type ScheduleRef = (OrganizationId, ScheduleId);

/// A schedule with its state in the store.
#[derive(Debug, Clone)]
pub struct Inspected {
    /// The schedule.
    pub saved: SavedSchedule,
    /// Whether the result for which it waits exists and has not ended.
    pub awaits: bool,
    /// When the store considers it due.
    pub due: Option<Instant>,
}

/// A page of all schedules, for the sweep.
#[derive(Debug, Clone, Default)]
pub struct Inspection {
    /// Schedules.
    pub schedules: Vec<Inspected>,
    /// The schedules that cannot be read, with the fault.
    pub unreadable: Vec<(ScheduleRef, String)>,
    /// The last schedule; none if there is nothing after the schedule that was asked for.
    pub last: Option<ScheduleRef>,
}

/// Reads schedules. They are written when their job is saved.
#[async_trait]
pub trait Schedules: Send + Sync {
    /// One schedule.
    async fn find_schedule(&self, scope: OrgScope, job: &str, key: &str) -> Result<Option<SavedSchedule>, StoreError>;

    /// All schedules of these jobs, by job and key.
    async fn schedules_of(&self, scope: OrgScope, jobs: &[String]) -> Result<Vec<SavedSchedule>, StoreError>;

    /// The schedules of all jobs, by job and key: those after `after`, at most `limit`.
    async fn list_schedules(
        &self,
        scope: OrgScope,
        after: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Listed<SavedSchedule>, StoreError>;

    /// How many schedules there are.
    async fn count_schedules(&self, scope: OrgScope) -> Result<u64, StoreError>;
}

/// Fires due schedules, and repairs those that are not armed.
#[async_trait]
pub trait DueSchedules: Send + Sync {
    /// The schedules of all organizations that are due, at most `limit`.
    async fn due(&self, now: Instant, limit: u32) -> Result<Due, StoreError>;

    /// Starts the results of a due schedule and advances it, both or neither. Durable when it returns. No instant of a
    /// schedule is started twice, by whatever node.
    async fn fire(&self, fire: Fire) -> Result<FireAnswer, StoreError>;

    /// Schedules of all organizations after this one, ordered by organization and identity, at most `limit`.
    async fn inspect(&self, after: Option<ScheduleRef>, limit: u32) -> Result<Inspection, StoreError>;

    /// Sets the position of a schedule, unless it was changed or advanced since it was read. Returns whether it was
    /// set.
    async fn rearm(&self, saved: &SavedSchedule, position: Position) -> Result<bool, StoreError>;

    /// Disarms a schedule that cannot be read, so that it is not due all the time. The sweep reports it.
    async fn disarm(&self, schedule: ScheduleRef) -> Result<(), StoreError>;
}
