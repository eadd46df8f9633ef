//! Schedules: read, changed and previewed. A schedule is part of its job: changing it makes a new version of the job in
//! which everything else stays, including the versions of its modules.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Jobs, Schedules};
use crate::model::Instant;
use crate::model::fault::{Fault, did_you_mean, element};
use crate::model::job::Job;
use crate::model::organization::{Access, OrgScope};
use crate::model::refusal::{Refusal, RefusalCode};
use crate::model::rights::Operation;
use crate::model::schedule::{self, Schedule, ScheduleId};
use crate::node::service_error::ServiceError;
use crate::node::{Node, new_id};
use crate::ports::schedules::SavedSchedule;
use crate::ports::{Listed, StoreError};

/// How many instants a preview returns at most.
pub const MOST_PREVIEWED: usize = 1000;

impl Schedules {
    fn jobs(&self) -> Jobs {
        Jobs::new(Arc::clone(&self.node))
    }

    /// One schedule.
    ///
    /// # Errors
    /// The store failed.
    pub async fn find(&self, scope: OrgScope, job: &str, key: &str) -> Result<Option<SavedSchedule>, StoreError> {
        self.node.stores.schedules.find_schedule(scope, job, key).await
    }

    /// All schedules of these jobs, by job and key.
    ///
    /// # Errors
    /// The store failed.
    pub async fn of_jobs(&self, scope: OrgScope, jobs: &[String]) -> Result<Vec<SavedSchedule>, StoreError> {
        self.node.stores.schedules.schedules_of(scope, jobs).await
    }

    /// The schedules of all jobs, by job and key: those after `after`, at most `limit`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list(
        &self,
        scope: OrgScope,
        after: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Listed<SavedSchedule>, StoreError> {
        self.node.stores.schedules.list_schedules(scope, after, limit).await
    }

    /// How many schedules there are.
    ///
    /// # Errors
    /// The store failed.
    pub async fn count(&self, scope: OrgScope) -> Result<u64, StoreError> {
        self.node.stores.schedules.count_schedules(scope).await
    }

    /// Adds a schedule to a job, or replaces the one with the same key. `edits` is the version of the job that was
    /// edited; with none, any version is changed.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn save(
        &self,
        access: &Access,
        job: &str,
        schedule: Value,
        edits: Option<u32>,
    ) -> Result<SavedSchedule, ServiceError> {
        access.require(Operation::SaveSchedule)?;
        let faults = schedule::faults_of_shape(&schedule, "");
        if !faults.is_empty() {
            return Err(faults.into());
        }
        let key = schedule["key"].as_str().unwrap_or_default().to_owned();
        self.change_schedules(access, job, edits, |schedules| {
            let index = schedules.iter().position(|other| other["key"] == key).unwrap_or(schedules.len());
            match schedules.get_mut(index) {
                Some(existing) => *existing = schedule.clone(),
                None => schedules.push(schedule.clone()),
            }
            Some(index)
        })
        .await?;
        let found = self.node.stores.schedules.find_schedule(access.scope(), job, &key).await?;
        let gone = || Refusal::not_found("key", format!("The schedule `{key}` was removed meanwhile."));
        found.ok_or_else(|| gone().into())
    }

    /// Removes a schedule from its job.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn delete(
        &self,
        access: &Access,
        job: &str,
        key: &str,
        edits: Option<u32>,
    ) -> Result<SavedSchedule, ServiceError> {
        access.require(Operation::DeleteSchedule)?;
        self.jobs().newest_to_change(access, job, edits).await.map_err(|error| refused(error, job, None))?;
        let Some(schedule) = self.node.stores.schedules.find_schedule(access.scope(), job, key).await? else {
            return Err(self.no_schedule(access, job, key).await?.into());
        };
        self.change_schedules(access, job, edits, |schedules| {
            schedules.retain(|other| other["key"] != key);
            None
        })
        .await?;
        Ok(schedule)
    }

    /// Saves a job with changed schedules. `change` returns the index of the schedule that it set; the paths of its
    /// faults are then relative to the schedule.
    async fn change_schedules(
        &self,
        access: &Access,
        job: &str,
        edits: Option<u32>,
        change: impl Fn(&mut Vec<Value>) -> Option<usize>,
    ) -> Result<(), ServiceError> {
        let mut changed_index = None;
        let jobs = self.jobs();
        let changed = jobs.change(access, job, edits, false, |document| {
            let mut schedules = document.get("schedules").and_then(Value::as_array).cloned().unwrap_or_default();
            changed_index = change(&mut schedules);
            document.insert("schedules".to_owned(), Value::Array(schedules));
        });
        let changed = changed.await.map(drop);
        changed.map_err(|error| refused(error, job, changed_index))
    }

    /// The parsed schedule, and the first `count` instants after `from`, or after now, at which it would start a job of
    /// the organization if each job ended at once.
    ///
    /// # Errors
    /// Every fault, with its path in the schedule.
    pub fn preview(
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
        let instants = schedule.preview(from.unwrap_or_else(|| self.node.clock.now()), count.min(MOST_PREVIEWED));
        Ok((schedule, instants))
    }

    async fn no_schedule(&self, access: &Access, job: &str, key: &str) -> Result<Refusal, StoreError> {
        let saved = self.node.stores.schedules.schedules_of(access.scope(), &[job.to_owned()]).await?;
        let near = match did_you_mean(key, saved.iter().map(|saved| saved.schedule.key.as_str())) {
            near if near.is_empty() => ".".to_owned(),
            near => near,
        };
        Ok(Refusal::not_found("key", format!("The job `{job}` has no schedule `{key}`{near}")))
    }
}

/// The schedules of a job that will be saved, each with an identity in case it is new.
///
/// # Errors
/// A fault for each active schedule that is new or changed, but has no start left.
pub(super) async fn schedules_to_save(
    node: &Arc<Node>,
    access: &Access,
    job: &Job,
    document: &Value,
) -> Result<Vec<(ScheduleId, Schedule)>, ServiceError> {
    let schedules = job.schedules(document, access.organization.time_zone)?;
    if schedules.is_empty() {
        return Ok(Vec::new());
    }
    let saved = node.stores.schedules.schedules_of(access.scope(), std::slice::from_ref(&job.key)).await?;
    // A schedule that is over stays valid, even if it or its job is deactivated and activated again.
    let is_saved = |schedule: &Schedule| {
        let same = |old: &Schedule| *old == Schedule { active: old.active, ..schedule.clone() };
        saved.iter().any(|saved| same(&saved.schedule))
    };
    let now = node.clock.now();
    let over = schedules.iter().enumerate().filter(|(_, new)| new.is_over(&new.begin(now)) && !is_saved(new));
    let message = "would never start anything, because all its instants are in the past; \
                give it later ones, or set `active: false` to keep it";
    let faults: Vec<_> = over.map(|(index, _)| Fault::at(element("schedules", index), message)).collect();
    let numbered = schedules.into_iter().map(|schedule| (ScheduleId(new_id()), schedule));
    if faults.is_empty() { Ok(numbered.collect()) } else { Err(faults.into()) }
}

/// The refusal of a new version of a job, as a refusal of the schedule that was changed in it.
fn refused(error: ServiceError, job: &str, changed_index: Option<usize>) -> ServiceError {
    let ServiceError::Refused(refusals) = error else { return error };
    let path_of_schedule = changed_index.map(|index| element("schedules", index));
    let relative = |refusal: Refusal| match refusal.path.as_str() {
        "key" if refusal.code == RefusalCode::NotFound => Refusal::no_job("job", job),
        path => match path_of_schedule.as_deref().and_then(|own| path.strip_prefix(own)) {
            Some(rest) => Refusal { path: rest.trim_start_matches('.').to_owned(), ..refusal },
            None => refusal,
        },
    };
    ServiceError::Refused(refusals.into_iter().map(relative).collect())
}
