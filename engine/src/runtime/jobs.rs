//! Saving jobs.

mod change;
mod delete;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono_tz::Tz;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::engine::Engine;
use super::shares::Share;
use crate::model::catalogue::{Catalogue, Choice, Pin};
use crate::model::dates::{stamp, variables};
use crate::model::fault::{self, Fault, MOST_FAULTS, field};
use crate::model::filter_template::TemplateVersion;
use crate::model::job::Job;
use crate::model::line::{ActionWork, FilterWork, Line, Work};
use crate::model::organization::{Access, OrgScope};
use crate::model::result::JobResult;
use crate::ports::StoreError;
use crate::ports::actions::{LineContext, OpenLine};
use crate::ports::jobs::{NewVersion, SaveError, SavedJob};
use crate::ports::reach::{Nowhere, Reach};

/// How long an action may look at its parameters when a job is saved.
const REHEARSAL: Duration = Duration::from_secs(2);
/// How long all actions of a job may take for that together.
pub const CHECK: Duration = Duration::from_secs(10);
/// How many jobs are checked at once.
pub const CHECKS_AT_ONCE: usize = 4;
/// How many of them for one organization.
pub const CHECKS_OF_ONE_ORGANIZATION: usize = 1;

/// Which versions of modules a job is checked with.
pub(crate) enum Versions {
    /// The newest that fit, and where a line asks for none, that are compatible with these.
    NewestAfter(Vec<Pin>),
    /// These.
    Pinned(Vec<Pin>),
}

impl Versions {
    fn choice(&self) -> Choice<'_> {
        match self {
            Self::NewestAfter(pins) => Choice::Newest(pins),
            Self::Pinned(pins) => Choice::Pinned(pins),
        }
    }
}

/// Why a job was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveJobError {
    /// It has faults: all of them.
    #[error("the job has {} faults", .0.len())]
    Faults(Vec<Fault>),
    /// Somebody else saved first.
    #[error("version {edited} was edited, but the job is at version {}", .newest.version)]
    Conflict {
        /// The version that was edited; 0 for a new job.
        edited: u32,
        /// The newest version.
        newest: Box<SavedJob>,
    },
    /// A version was edited of a job that is not there.
    #[error("there is no job with this key; save it as a new one")]
    Absent,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SaveError> for SaveJobError {
    fn from(error: SaveError) -> Self {
        match error {
            SaveError::Conflict { edited, newest } => Self::Conflict { edited, newest },
            SaveError::Absent => Self::Absent,
            SaveError::Gone(_) => Self::Faults(vec![Fault::at("", error.to_string())]),
            SaveError::Store(error) => Self::Store(error),
        }
    }
}

impl Engine {
    /// Reads a saved job with the versions of modules that it was saved with, and the newest
    /// of filter templates.
    ///
    /// # Errors
    /// The store failed; within, every fault at once.
    pub async fn read_job(
        &self,
        scope: OrgScope,
        saved: &SavedJob,
    ) -> Result<Result<Arc<Job>, Vec<Fault>>, StoreError> {
        Ok(self.read_job_with(scope, saved, self.catalogue(scope).await?).await)
    }

    /// The same with these versions of filter templates: those that a job result noted when
    /// it was started, whatever was edited since.
    ///
    /// # Errors
    /// The store failed; within, every fault at once.
    pub async fn read_job_at(
        &self,
        scope: OrgScope,
        saved: &SavedJob,
        templates: &[TemplateVersion],
    ) -> Result<Result<Arc<Job>, Vec<Fault>>, StoreError> {
        Ok(self.read_job_with(scope, saved, self.catalogue_at(scope, templates).await?).await)
    }

    async fn read_job_with(
        &self,
        scope: OrgScope,
        saved: &SavedJob,
        catalogue: Arc<Catalogue>,
    ) -> Result<Arc<Job>, Vec<Fault>> {
        let version = (saved.key.as_str(), saved.version);
        if let Some(ready) = self.ready.find(scope.organization(), version, &catalogue) {
            return Ok(ready);
        }
        let pinned = Versions::Pinned(saved.pins.clone());
        let job = Arc::new(read(saved.document.clone(), &catalogue, pinned, None).await.0?);
        self.ready.keep(scope.organization(), version, catalogue, &job);
        Ok(job)
    }

    /// The version of a job that a result runs with; within, why it cannot be run.
    pub(crate) async fn job_of(
        &self,
        scope: OrgScope,
        key: &str,
        result: &JobResult,
    ) -> Result<Result<Arc<Job>, String>, StoreError> {
        let catalogue = self.catalogue_at(scope, &result.templates).await?;
        if let Some(ready) = self.ready.find(scope.organization(), (key, result.version), &catalogue) {
            return Ok(Ok(ready));
        }
        let Some(saved) = self.jobs.find(scope, key, Some(result.version)).await? else {
            return Ok(Err(format!("The job `{key}` was deleted, so its version {} cannot be run.", result.version)));
        };
        let read = self.read_job_with(scope, &saved, catalogue).await;
        Ok(read.map_err(|faults| format!("The job can no longer be run: {}.", told(&faults))))
    }

    /// Reads a job, and has each action look at the parameters that are certain, so that a
    /// script or a template that does not parse is found now and not at night.
    ///
    /// # Errors
    /// `Faults` with every fault at once, or the store failed.
    pub async fn check_job(&self, access: &Access, document: &Value) -> Result<Job, SaveJobError> {
        let before = match document["key"].as_str() {
            Some(key) => self.jobs.find(access.scope(), key, None).await?,
            None => None,
        };
        let pins = before.map(|saved| saved.pins).unwrap_or_default();
        self.check_job_with(access, document, Versions::NewestAfter(pins)).await
    }

    /// The same, with these versions of modules.
    pub(crate) async fn check_job_with(
        &self,
        access: &Access,
        document: &Value,
        versions: Versions,
    ) -> Result<Job, SaveJobError> {
        let share = self.checks.turn(access.organization.id).await;
        let catalogue = self.catalogue(access.scope()).await?;
        let (read, _share) = read(document.clone(), &catalogue, versions, Some(share)).await;
        let job = read.map_err(SaveJobError::Faults)?;
        let faults = self.rehearse(&job).await;
        if faults.is_empty() { Ok(job) } else { Err(SaveJobError::Faults(faults)) }
    }

    /// Saves a job as a new version. `edits` is the version that was edited (0 for a
    /// new job); none saves on top of whatever is there.
    ///
    /// # Errors
    /// See [`SaveJobError`].
    pub async fn save_job(
        &self,
        access: &Access,
        document: Value,
        edits: Option<u32>,
    ) -> Result<SavedJob, SaveJobError> {
        let job = self.check_job(access, &document).await?;
        self.save_checked(access, job, document, edits).await
    }

    /// Saves a job that was checked, unless what it needs was changed meanwhile.
    pub(crate) async fn save_checked(
        &self,
        access: &Access,
        job: Job,
        document: Value,
        edits: Option<u32>,
    ) -> Result<SavedJob, SaveJobError> {
        if let Some(queue) = &job.queue
            && let Some(fault) = self.fault_of_queue(access.scope(), "queue", queue).await?
        {
            return Err(SaveJobError::Faults(vec![fault]));
        }
        let _held = self.shelf.hold_templates().await;
        let catalogue = self.catalogue(access.scope()).await?;
        if !catalogue.templates().missing(&job.templates()).is_empty() {
            let told = "a filter template that the job uses was changed meanwhile; save the job again";
            return Err(SaveJobError::Faults(vec![Fault::at("", told)]));
        }
        let schedules = self.schedules_to_save(access, &job, &document).await?.map_err(SaveJobError::Faults)?;
        let has_schedules = !schedules.is_empty();
        let version = NewVersion {
            pins: job.pins(),
            schedules,
            key: job.key,
            name: job.name,
            document,
            edits,
            saved_at: self.clock.now(),
            saved_by: access.who.clone(),
        };
        let saved = self.jobs.save(access.scope(), version).await?;
        if has_schedules {
            self.tell_of_schedules();
        }
        Ok(saved)
    }

    /// Opens every action whose parameters hold no placeholder, and closes it unused.
    async fn rehearse(&self, job: &Job) -> Vec<Fault> {
        let (mut faults, began) = (Vec::new(), Instant::now());
        let lines = job.lines.iter().map(|line| (line, field(&line.path, "parameters")));
        let rules = job.notify.iter().map(|rule| (&rule.line, rule.place.clone()));
        for (line, place) in lines.chain(rules) {
            let (work, parameters, place) = match &line.work {
                Work::Action(work) => (work.as_ref(), work.parameters.constant(), place),
                Work::Filter(FilterWork { script: Some(script), .. }) => {
                    (&script.0, Some(script.1.clone()), field(&line.path, "filter.script"))
                }
                Work::Filter(_) => continue,
            };
            let Some(parameters) = parameters else { continue };
            let left = CHECK.saturating_sub(began.elapsed());
            if faults.len() > MOST_FAULTS {
                break;
            }
            if left.is_zero() {
                let most = CHECK.as_secs();
                let told = format!(
                    "checking the actions of the job took more than {most} s; this line and those after it were not checked"
                );
                faults.push(Fault::at(place, told));
                break;
            }
            let nowhere = Arc::new(Nowhere::default());
            let opening =
                OpenLine { timeout: left.min(REHEARSAL), ..rehearsal(line, work, parameters, nowhere.clone()) };
            let opened = self.open(opening).await;
            // An action that wants to reach outside when it is opened can only be judged when it runs.
            if let (Err(failure), false) = (opened, nowhere.was_asked()) {
                faults.push(Fault::at(place, failure.message));
            }
        }
        fault::first(faults)
    }
}

/// Reads a job away from the threads that answer calls: patterns and schemas may take a while to compile. The share is
/// held until that is done, also if the caller goes away.
async fn read(
    document: Value,
    catalogue: &Arc<Catalogue>,
    versions: Versions,
    share: Option<Share>,
) -> (Result<Job, Vec<Fault>>, Option<Share>) {
    let catalogue = Arc::clone(catalogue);
    let reading = tokio::task::spawn_blocking(move || (Job::read(&document, &catalogue, versions.choice()), share));
    let broken = |error| vec![Fault::at("", format!("the job cannot be read: {error}"))];
    reading.await.unwrap_or_else(|error| (Err(broken(error)), None))
}

/// All faults as one text.
pub(crate) fn told(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn rehearsal(line: &Line, work: &ActionWork, parameters: Value, reach: Arc<dyn Reach>) -> OpenLine {
    let now = crate::model::Instant::UNIX_EPOCH;
    let context = LineContext {
        job_result: Uuid::nil().to_string(),
        line_no: line.line_no,
        attempt: 1,
        idempotency_key: "rehearsal".to_owned(),
        now: stamp(&now),
        since: None,
        organization: String::new(),
        arguments: Value::Object(Map::new()),
        dates: Value::Object(variables(now, Tz::UTC)),
        dry_run: true,
    };
    OpenLine {
        module: work.module.clone(),
        action: work.name.clone(),
        parameters,
        context,
        reach,
        timeout: REHEARSAL,
        kill: CancellationToken::new(),
        listener: Arc::new(()),
    }
}
