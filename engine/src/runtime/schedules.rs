//! Schedules as people change and preview them. They stand in their job: changing one makes a new
//! version of it, which keeps all else, the versions of its modules included.

use serde_json::{Value, json};

use super::engine::Engine;
use super::jobs::SaveJobError;
use crate::model::Instant;
use crate::model::fault::{Fault, did_you_mean, element};
use crate::model::job::Job;
use crate::model::organization::Access;
use crate::model::schedule::{self, Schedule, ScheduleId};
use crate::ports::StoreError;
use crate::ports::schedules::SavedSchedule;

/// How many instants a preview tells at most.
pub const MOST_PREVIEWED: usize = 1000;

/// Why a schedule was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// There is no such job: a sentence with the cure.
    #[error("{0}")]
    UnknownJob(String),
    /// The job has no such schedule: a sentence with the nearest key.
    #[error("{0}")]
    Absent(String),
    /// It has faults, each with its path in the schedule, or the job has some, with their paths in the job.
    #[error("the schedule has {} faults", .0.len())]
    Faults(Vec<Fault>),
    /// Somebody saved the job meanwhile.
    #[error("version {edited} of the job was edited, but it is at version {newest}")]
    Conflict {
        /// The version that was edited.
        edited: u32,
        /// The newest one.
        newest: u32,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Adds a schedule to a job, or puts it in the place of the one with the same key. `edits` is the version of
    /// the job that was edited; none changes whatever is there.
    ///
    /// # Errors
    /// See [`ScheduleError`].
    pub async fn save_schedule(
        &self,
        access: &Access,
        job: &str,
        schedule: Value,
        edits: Option<u32>,
    ) -> Result<SavedSchedule, ScheduleError> {
        let faults = schedule::faults_of_shape(&schedule, "");
        if !faults.is_empty() {
            return Err(ScheduleError::Faults(faults));
        }
        let key = schedule["key"].as_str().unwrap_or_default().to_owned();
        self.change_schedules(access, job, edits, |schedules| {
            let place = schedules.iter().position(|other| other["key"] == key).unwrap_or(schedules.len());
            match schedules.get_mut(place) {
                Some(there) => *there = schedule.clone(),
                None => schedules.push(schedule.clone()),
            }
            Some(place)
        })
        .await?;
        let found = self.schedules.find_schedule(access.scope(), job, &key).await?;
        found.ok_or_else(|| ScheduleError::Absent(format!("The schedule `{key}` was removed meanwhile.")))
    }

    /// Takes a schedule out of its job.
    ///
    /// # Errors
    /// See [`ScheduleError`].
    pub async fn delete_schedule(
        &self,
        access: &Access,
        job: &str,
        key: &str,
        edits: Option<u32>,
    ) -> Result<SavedSchedule, ScheduleError> {
        self.job_to_change(access, job, edits).await.map_err(|error| refused(error, job, None))?;
        let Some(schedule) = self.schedules.find_schedule(access.scope(), job, key).await? else {
            return Err(self.no_schedule(access, job, key).await?);
        };
        self.change_schedules(access, job, edits, |schedules| {
            schedules.retain(|other| other["key"] != key);
            None
        })
        .await?;
        Ok(schedule)
    }

    /// Saves a job with other schedules. `change` gives the place of the one that it puts there: faults in it
    /// are told with their paths in the schedule.
    async fn change_schedules(
        &self,
        access: &Access,
        job: &str,
        edits: Option<u32>,
        change: impl Fn(&mut Vec<Value>) -> Option<usize>,
    ) -> Result<(), ScheduleError> {
        let mut place = None;
        let changed = self.change_job(access, job, edits, false, |document| {
            let mut schedules = document.get("schedules").and_then(Value::as_array).cloned().unwrap_or_default();
            place = change(&mut schedules);
            document.insert("schedules".to_owned(), Value::Array(schedules));
        });
        let changed = changed.await.map(drop);
        changed.map_err(|error| refused(error, job, place))
    }

    /// The first `count` instants, after `from` or else after now, at which a schedule would start a job of the
    /// organization, if each start ended at once; and the schedule as it was read.
    ///
    /// # Errors
    /// Every fault, with its path in the schedule.
    pub fn preview_schedule(
        &self,
        access: &Access,
        schedule: &Value,
        from: Option<Instant>,
        count: usize,
    ) -> Result<(Schedule, Vec<Instant>), Vec<Fault>> {
        let mut schedule = schedule.clone();
        if let Some(fields) = schedule.as_object_mut() {
            fields.entry("key").or_insert(json!("preview"));
        }
        let schedule = Schedule::check(&schedule, access.organization.time_zone)?;
        let instants = schedule.preview(from.unwrap_or_else(|| self.clock.now()), count.min(MOST_PREVIEWED));
        Ok((schedule, instants))
    }

    /// The schedules of a job that is about to be saved, each with an identity in case it is new; within, a
    /// fault for each active one that is new or changed, and would never start anything.
    pub(crate) async fn schedules_to_save(
        &self,
        access: &Access,
        job: &Job,
        document: &Value,
    ) -> Result<Result<Vec<(ScheduleId, Schedule)>, Vec<Fault>>, StoreError> {
        let schedules = match job.schedules(document, access.organization.time_zone) {
            Ok(schedules) if !schedules.is_empty() => schedules,
            Ok(_) => return Ok(Ok(Vec::new())),
            Err(faults) => return Ok(Err(faults)),
        };
        let there = self.schedules.schedules_of(access.scope(), std::slice::from_ref(&job.key)).await?;
        // One that is over stays valid, also when it, or its job, is switched off and on again.
        let is_there = |schedule: &Schedule| {
            let same = |old: &Schedule| *old == Schedule { active: old.active, ..schedule.clone() };
            there.iter().any(|saved| same(&saved.schedule))
        };
        let now = self.clock.now();
        let over = schedules.iter().enumerate().filter(|(_, new)| new.is_over(&new.begin(now)) && !is_there(new));
        let told = "would never start anything, since all its instants are past; \
                    give it later ones, or `active: false` to keep it for the record";
        let faults: Vec<_> = over.map(|(index, _)| Fault::at(element("schedules", index), told)).collect();
        let numbered = schedules.into_iter().map(|schedule| (ScheduleId(Self::new_id()), schedule));
        Ok(if faults.is_empty() { Ok(numbered.collect()) } else { Err(faults) })
    }

    async fn no_schedule(&self, access: &Access, job: &str, key: &str) -> Result<ScheduleError, StoreError> {
        let there = self.schedules.schedules_of(access.scope(), &[job.to_owned()]).await?;
        let near = match did_you_mean(key, there.iter().map(|saved| saved.schedule.key.as_str())) {
            near if near.is_empty() => ".".to_owned(),
            near => near,
        };
        Ok(ScheduleError::Absent(format!("The job `{job}` has no schedule `{key}`{near}")))
    }
}

fn refused(error: SaveJobError, job: &str, place: Option<usize>) -> ScheduleError {
    match error {
        SaveJobError::Faults(faults) => {
            let own = place.map(|place| element("schedules", place));
            let relative = |fault: Fault| match own.as_deref().and_then(|own| fault.path.strip_prefix(own)) {
                Some(rest) => Fault::at(rest.trim_start_matches('.'), fault.message),
                None => fault,
            };
            ScheduleError::Faults(faults.into_iter().map(relative).collect())
        }
        SaveJobError::Conflict { edited, newest } => ScheduleError::Conflict { edited, newest: newest.version },
        SaveJobError::Absent => ScheduleError::UnknownJob(format!("There is no job `{job}` in this organization.")),
        SaveJobError::Store(error) => ScheduleError::Store(error),
    }
}
