//! Where schedules are kept: what they say, and how far each has come.

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
    /// What it says.
    pub schedule: Schedule,
    /// How far it has come.
    pub position: Position,
    /// How often it was written: whoever moves it must have seen the newest.
    pub revision: u64,
}

impl SavedSchedule {
    /// When it comes due; none while it is armed for nothing.
    pub fn due(&self) -> Option<Instant> {
        self.position.next.map(|next| self.schedule.due(next, self.id))
    }

    /// A new one, or what becomes of the one that was there under the same key.
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

/// What came due.
#[derive(Debug, Clone, Default)]
pub struct Due {
    /// Those that are due, the most overdue first.
    pub schedules: Vec<SavedSchedule>,
    /// Those that are due and cannot be read, with what is wrong.
    pub unreadable: Vec<(Place, String)>,
    /// When the next comes due, if none of the others is.
    pub next: Option<Instant>,
}

/// A schedule that comes due: what is started, and how far it has come by that.
#[derive(Debug, Clone)]
pub struct Fire {
    /// As it was read.
    pub saved: SavedSchedule,
    /// What it does.
    pub firing: Firing,
    /// The results of its starts, and those that tell of what it left out or could not start.
    pub results: Vec<NewResult>,
    /// When.
    pub at: Instant,
}

impl Fire {
    /// Its results that are not there yet, given the instants that are; what tells of one that is there goes too.
    pub fn missing(&self, is_there: impl Fn(&Scheduled) -> bool) -> Vec<&NewResult> {
        let there = |new: &NewResult| new.scheduled.as_ref().is_some_and(&is_there);
        let dropped: Vec<_> = self.results.iter().filter(|new| there(new)).map(|new| new.id).collect();
        let tells = |new: &NewResult| new.notice_of.is_some_and(|of| dropped.contains(&of));
        self.results.iter().filter(|new| !there(new) && !tells(new)).collect()
    }

    /// How far the schedule has come once these results were started, of which some were ended again by
    /// other starts.
    pub fn moved(&self, started: &[Started], ended: &HashSet<ResultId>) -> Position {
        let pending = started.iter().filter(|one| one.result.status == Status::Pending);
        let of_schedule = pending.filter(|one| one.result.scheduled.is_some());
        let ids: Vec<ResultId> = of_schedule.map(|one| one.result.id).collect();
        let awaits = ids.last().copied().filter(|id| !ended.contains(id));
        let fired = Fired { counted: ids.len() as u64, awaits, at: self.at };
        self.saved.schedule.moved(&self.saved.position, &self.firing, fired)
    }
}

/// What a firing came to.
#[derive(Debug, Clone, PartialEq)]
pub enum FireAnswer {
    /// These results were started; those of instants that had been started before are left out.
    Fired(Vec<Started>),
    /// Nothing: somebody changed or moved the schedule since it was read.
    Outdated,
}

/// A place in a walk through the schedules of all organizations.
pub type Place = (OrganizationId, ScheduleId);

/// A schedule, and how it stands in the store.
#[derive(Debug, Clone)]
pub struct Inspected {
    /// The schedule.
    pub saved: SavedSchedule,
    /// Whether the result that it awaits is there and has not ended.
    pub awaits: bool,
    /// When the store will say that it is due.
    pub due: Option<Instant>,
}

/// Some of all schedules, to be looked at.
#[derive(Debug, Clone, Default)]
pub struct Inspection {
    /// Schedules.
    pub schedules: Vec<Inspected>,
    /// Those that cannot be read, with what is wrong.
    pub unreadable: Vec<(Place, String)>,
    /// The last place; none if there is nothing after the place that was asked for.
    pub last: Option<Place>,
}

/// Keeps schedules. They are written when their job is saved.
#[async_trait]
pub trait Schedules: Send + Sync {
    /// The schedules of all organizations that are due, at most `limit`.
    async fn due(&self, now: Instant, limit: u32) -> Result<Due, StoreError>;

    /// Starts what a schedule is due for and moves it on, both or neither. Durable when it answers. For
    /// no instant of a schedule is anything started twice, whoever asks.
    async fn fire(&self, fire: Fire) -> Result<FireAnswer, StoreError>;

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

    /// Schedules of all organizations by place, after this one, at most `limit`.
    async fn inspect(&self, after: Option<Place>, limit: u32) -> Result<Inspection, StoreError>;

    /// Gives a schedule this position, unless it was changed or moved since it was read. Whether it was done.
    async fn rearm(&self, saved: &SavedSchedule, position: Position) -> Result<bool, StoreError>;

    /// Lets a schedule rest that cannot be read, so that it keeps nobody busy. The sweep finds it.
    async fn disarm(&self, place: Place) -> Result<(), StoreError>;
}
