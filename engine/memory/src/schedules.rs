//! Schedules, in memory.

use std::ops::Bound;

use async_trait::async_trait;

use super::{MemoryStore, Tables, listed};
use engine::model::Instant;
use engine::model::organization::{OrgScope, OrganizationId};
use engine::model::result::{JobResult, Scheduled};
use engine::model::schedule::{Position, Schedule, ScheduleId};
use engine::ports::results::{StartError, Started};
use engine::ports::schedules::{
    Due, DueSchedules, Fire, FireAnswer, Inspected, Inspection, SavedSchedule, ScheduleRef, Schedules,
};
use engine::ports::{Listed, StoreError};

#[async_trait]
impl Schedules for MemoryStore {
    async fn find_schedule(&self, scope: OrgScope, job: &str, key: &str) -> Result<Option<SavedSchedule>, StoreError> {
        Ok(self.tables().schedules_of(scope.organization(), Some(job)).find(|saved| saved.schedule.key == key).cloned())
    }

    async fn schedules_of(&self, scope: OrgScope, jobs: &[String]) -> Result<Vec<SavedSchedule>, StoreError> {
        let all = self.tables().by_key(scope);
        Ok(all.into_iter().filter(|saved| jobs.contains(&saved.job)).collect())
    }

    async fn list_schedules(
        &self,
        scope: OrgScope,
        after: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Listed<SavedSchedule>, StoreError> {
        let name = |saved: &SavedSchedule| (saved.job.clone(), saved.schedule.key.clone());
        let after = after.map(|(job, key)| (job.to_owned(), key.to_owned()));
        let all = self.tables().by_key(scope).into_iter();
        Ok(listed(all.filter(|saved| after.as_ref().is_none_or(|after| name(saved) > *after)), limit, |_| 0))
    }

    async fn count_schedules(&self, scope: OrgScope) -> Result<u64, StoreError> {
        Ok(self.tables().schedules_of(scope.organization(), None).count() as u64)
    }
}

#[async_trait]
impl DueSchedules for MemoryStore {
    async fn due(&self, now: Instant, limit: u32) -> Result<Due, StoreError> {
        let tables = self.tables();
        let mut armed: Vec<_> = tables.schedules.values().filter_map(|saved| Some((saved.due()?, saved))).collect();
        armed.sort_by_key(|(due, saved)| (*due, saved.id));
        let due: Vec<_> = armed.iter().filter(|(due, _)| *due <= now).take(limit as usize).collect();
        let next = armed.get(due.len()).map(|(due, _)| *due);
        let schedules = due.into_iter().map(|(_, saved)| (*saved).clone()).collect();
        Ok(Due { schedules, unreadable: Vec::new(), next })
    }

    async fn fire(&self, fire: Fire) -> Result<FireAnswer, StoreError> {
        let mut tables = self.tables();
        let schedule = (fire.saved.organization, fire.saved.id);
        if tables.schedules.get(&schedule).is_none_or(|saved| saved.revision != fire.saved.revision) {
            return Ok(FireAnswer::Outdated);
        }
        let started = tables.start_scheduled(&fire)?;
        let ended = started.iter().flat_map(|one| one.replaced.iter().copied()).collect();
        let position = fire.moved(&started, &ended);
        if let Some(saved) = tables.schedules.get_mut(&schedule) {
            (saved.position, saved.revision) = (position, saved.revision + 1);
        }
        Ok(FireAnswer::Fired(started))
    }

    async fn inspect(&self, after: Option<ScheduleRef>, limit: u32) -> Result<Inspection, StoreError> {
        let tables = self.tables();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let some: Vec<_> = tables.schedules.range((from, Bound::Unbounded)).take(limit as usize).collect();
        let waits = |saved: &SavedSchedule| {
            let awaited = saved.position.awaits.and_then(|id| tables.results.get(&(saved.organization, id)));
            awaited.is_some_and(|entry| !entry.result.status.is_final())
        };
        Ok(Inspection {
            last: some.last().map(|(schedule, _)| **schedule),
            schedules: some.into_iter().map(|(_, saved)| inspected(saved, waits(saved))).collect(),
            unreadable: Vec::new(),
        })
    }

    async fn rearm(&self, saved: &SavedSchedule, position: Position) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let known = tables.schedules.get_mut(&(saved.organization, saved.id));
        let Some(known) = known.filter(|known| known.revision == saved.revision) else { return Ok(false) };
        (known.position, known.revision) = (position, known.revision + 1);
        Ok(true)
    }

    /// In memory no schedule is ever unreadable.
    async fn disarm(&self, _place: ScheduleRef) -> Result<(), StoreError> {
        Ok(())
    }
}

fn inspected(saved: &SavedSchedule, awaits: bool) -> Inspected {
    Inspected { saved: saved.clone(), awaits, due: saved.due() }
}

impl Tables {
    fn schedules_of(&self, organization: OrganizationId, job: Option<&str>) -> impl Iterator<Item = &SavedSchedule> {
        let own = self.schedules.values().filter(move |saved| saved.organization == organization);
        own.filter(move |saved| job.is_none_or(|job| job == saved.job))
    }

    fn by_key(&self, scope: OrgScope) -> Vec<SavedSchedule> {
        let mut own: Vec<_> = self.schedules_of(scope.organization(), None).cloned().collect();
        own.sort_by(|one, other| (&one.job, &one.schedule.key).cmp(&(&other.job, &other.schedule.key)));
        own
    }

    /// Gives a job these schedules and no others.
    pub(super) fn save_schedules(
        &mut self,
        (organization, job): (OrganizationId, &str),
        schedules: Vec<(ScheduleId, Schedule)>,
        now: Instant,
    ) {
        let mut before: Vec<_> = self.schedules_of(organization, Some(job)).cloned().collect();
        self.schedules.retain(|_, saved| saved.organization != organization || saved.job != job);
        for new in schedules {
            let index = before.iter().position(|saved| saved.schedule.key == new.1.key);
            let saved =
                SavedSchedule::save(index.map(|index| before.swap_remove(index)), (organization, job), new, now);
            self.schedules.insert((organization, saved.id), saved);
        }
    }

    /// Starts the results that do not exist yet.
    fn start_scheduled(&mut self, fire: &Fire) -> Result<Vec<Started>, StoreError> {
        let organization = fire.saved.organization;
        let exists = |scheduled: &Scheduled| {
            self.results.iter().any(|((owner, _), entry)| {
                let result = &entry.result;
                let same = result.job == fire.saved.job && result.scheduled.as_ref() == Some(scheduled);
                *owner == organization && same && result.retry_of.is_none()
            })
        };
        let missing: Vec<_> = fire.missing(exists).into_iter().cloned().collect();
        let mut started = Vec::new();
        for new in missing {
            started.push(self.start(organization, new).map_err(|refused| match refused {
                StartError::Store(error) => error,
                other => super::impossible(other),
            })?);
        }
        Ok(started)
    }

    /// Arms the schedule again that waited for this result. Returns whether there is one.
    pub(super) fn complete(&mut self, organization: OrganizationId, ended: &JobResult) -> bool {
        let (Some(at), Some(_)) = (ended.finished_at, &ended.scheduled) else { return false };
        let mut own = self.schedules.values_mut().filter(|saved| saved.organization == organization);
        let Some(saved) = own.find(|saved| saved.position.awaits == Some(ended.id)) else { return false };
        saved.position = saved.schedule.completed(&saved.position, at);
        saved.revision += 1;
        true
    }
}
