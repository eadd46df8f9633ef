//! Schedules as people change and preview them. They stand in their job: changing one makes a new
//! version of it, which keeps all else, the versions of its modules included.

use serde_json::{Value, json};

use super::engine::Engine;
use super::jobs::{SaveJobError, Versions};
use crate::model::Instant;
use crate::model::fault::{Fault, did_you_mean, element};
use crate::model::job::Job;
use crate::model::organization::Access;
use crate::model::schedule::{self, Schedule, ScheduleId};
use crate::ports::StoreError;
use crate::ports::jobs::SavedJob;
use crate::ports::schedules::SavedSchedule;

/// How many instants a preview tells at most.
pub const MOST_PREVIEWED: usize = 1000;
/// How often a change is tried that others come before.
const TRIES: u32 = 5;

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
        self.job_to_change(access, job, edits).await?;
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

    /// Saves a job with other schedules; `change` tells which of them it is about. Where no version was edited,
    /// whatever somebody else saved meanwhile is changed.
    async fn change_schedules(
        &self,
        access: &Access,
        job: &str,
        edits: Option<u32>,
        change: impl Fn(&mut Vec<Value>) -> Option<usize>,
    ) -> Result<(), ScheduleError> {
        let mut tries = 1;
        loop {
            let saved = self.job_to_change(access, job, edits).await?;
            let (document, place) = with_schedules(&saved.document, &change);
            match self.save_with_schedules(access, &saved, document, place).await {
                Err(ScheduleError::Conflict { .. }) if edits.is_none() && tries < TRIES => tries += 1,
                saved => return saved,
            }
        }
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

    /// The newest version of a job, if that is the one that was edited.
    async fn job_to_change(&self, access: &Access, job: &str, edits: Option<u32>) -> Result<SavedJob, ScheduleError> {
        let saved = self
            .jobs
            .find(access.scope(), job, None)
            .await?
            .ok_or_else(|| ScheduleError::UnknownJob(format!("There is no job `{job}` in this organization.")))?;
        match edits.filter(|edits| *edits != saved.version) {
            Some(edited) => Err(ScheduleError::Conflict { edited, newest: saved.version }),
            None => Ok(saved),
        }
    }

    /// Saves a job with other schedules. Faults in the one at `place` are told with their paths in it.
    async fn save_with_schedules(
        &self,
        access: &Access,
        before: &SavedJob,
        document: Value,
        place: Option<usize>,
    ) -> Result<(), ScheduleError> {
        let refused = |error| refused(error, place);
        let job = self.check_job_with(access, &document, Versions::Pinned(before.pins.clone())).await;
        let job = job.map_err(refused)?;
        self.save_checked(access, job, document, Some(before.version)).await.map_err(refused)?;
        Ok(())
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

/// A job's document with other schedules, and which of them it is about.
fn with_schedules(document: &Value, change: impl Fn(&mut Vec<Value>) -> Option<usize>) -> (Value, Option<usize>) {
    let mut document = document.clone();
    let mut schedules = document["schedules"].as_array().cloned().unwrap_or_default();
    let place = change(&mut schedules);
    document["schedules"] = Value::Array(schedules);
    (document, place)
}

fn refused(error: SaveJobError, place: Option<usize>) -> ScheduleError {
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
        SaveJobError::Absent => ScheduleError::UnknownJob("The job was removed meanwhile.".to_owned()),
        SaveJobError::Store(error) => ScheduleError::Store(error),
    }
}
