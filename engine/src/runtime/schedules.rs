//! Schedules as people change and preview them. They stand in their job: changing one makes a new
//! version of it, which keeps all else, the versions of its modules included.

use serde_json::{Value, json};

use super::engine::Engine;
use super::jobs::{SaveJobError, Versions};
use crate::model::Instant;
use crate::model::fault::{Fault, did_you_mean, element};
use crate::model::job::Job;
use crate::model::organization::Access;
use crate::model::schedule::{self, Schedule};
use crate::ports::StoreError;
use crate::ports::jobs::{NewVersion, SavedJob};
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
        let saved = self.job_to_change(access, job, edits).await?;
        let mut place = 0;
        let document = with_schedules(&saved.document, |schedules| {
            place = schedules.iter().position(|other| other["key"] == key).unwrap_or(schedules.len());
            match schedules.get_mut(place) {
                Some(there) => *there = schedule,
                None => schedules.push(schedule),
            }
        });
        self.save_with_schedules(access, &saved, document, Some(place)).await?;
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
        let saved = self.job_to_change(access, job, edits).await?;
        let Some(schedule) = self.schedules.find_schedule(access.scope(), job, key).await? else {
            return Err(self.no_schedule(access, job, key).await?);
        };
        let document = with_schedules(&saved.document, |schedules| schedules.retain(|other| other["key"] != key));
        self.save_with_schedules(access, &saved, document, None).await?;
        Ok(schedule)
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
        let faults = self.faults_of_schedules(access, &job, &document).await?;
        if !faults.is_empty() {
            return Err(refused(SaveJobError::Faults(faults)));
        }
        let version = NewVersion {
            key: before.key.clone(),
            name: before.name.clone(),
            schedules: Self::schedules_of(access, &job, &document),
            pins: job.pins(),
            document,
            edits: Some(before.version),
            saved_at: self.clock.now(),
            saved_by: access.who.clone(),
        };
        self.jobs.save(access.scope(), version).await.map_err(|error| refused(error.into()))?;
        self.schedules_changed.notify_one();
        Ok(())
    }

    /// A fault for each active schedule that is new or changed, and would never start anything.
    pub(crate) async fn faults_of_schedules(
        &self,
        access: &Access,
        job: &Job,
        document: &Value,
    ) -> Result<Vec<Fault>, StoreError> {
        let schedules = job.schedules(document, access.organization.time_zone);
        if schedules.is_empty() {
            return Ok(Vec::new());
        }
        let there = self.schedules.schedules_of(access.scope(), std::slice::from_ref(&job.key)).await?;
        let is_there = |schedule: &Schedule| there.iter().any(|saved| saved.schedule == *schedule);
        let now = self.clock.now();
        let over = schedules.iter().enumerate().filter(|(_, new)| new.is_over(&new.begin(now)) && !is_there(new));
        let told = "would never start anything, since all its instants are past; \
                    give it later ones, or `active: false` to keep it for the record";
        Ok(over.map(|(index, _)| Fault::at(element("schedules", index), told)).collect())
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

/// A job's document with other schedules.
fn with_schedules(document: &Value, change: impl FnOnce(&mut Vec<Value>)) -> Value {
    let mut document = document.clone();
    let mut schedules = document["schedules"].as_array().cloned().unwrap_or_default();
    change(&mut schedules);
    document["schedules"] = Value::Array(schedules);
    document
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
