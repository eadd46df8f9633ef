//! Jobs: read, checked, saved and started.

mod change;
mod delete;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono_tz::Tz;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Jobs;
use super::schedules::schedules_to_save;
use crate::execution::module_loading;
use crate::execution::start::{self, Start};
use crate::model::catalogue::{Choice, Pin};
use crate::model::dates::{stamp, variables};
use crate::model::fault::{self, Fault, MOST_FAULTS, field};
use crate::model::job::Job;
use crate::model::line::{ActionWork, Line, Work};
use crate::model::organization::{Access, OrgScope};
use crate::model::refusal::{Refusal, RefusalCode};
use crate::model::result::JobResult;
use crate::model::rights::Operation;
use crate::model::template_version::TemplateVersion;
use crate::node::blocking::blocking;
use crate::node::service_error::ServiceError;
use crate::ports::actions::{LineContext, OpenLine};
use crate::ports::host_calls::{HostCalls, NoHostCalls};
use crate::ports::jobs::{NewVersion, SaveError, SavedJob};
use crate::ports::{Listed, StoreError};

/// How long an action may check its parameters when a job is saved.
const CHECK_OF_ACTION: Duration = Duration::from_secs(2);
/// How long all actions of a job together may take for that.
pub const CHECK: Duration = Duration::from_secs(10);

/// Which versions of modules a job is checked with.
pub(crate) enum Versions {
    /// The newest ones that meet the requirements of the lines. Where a line has no requirement, the newest that is
    /// compatible with the one of these.
    NewestAfter(Vec<Pin>),
    /// Exactly these.
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

/// The refusal of an edit that is not based on the newest version.
pub(super) fn conflict(noun: &str, edited: u32, newest: u32) -> ServiceError {
    let message = match edited {
        0 => format!("There is already a {noun} with this key, at version {newest}."),
        _ => format!("Version {edited} was edited, but the {noun} is at version {newest}; look at it and save again."),
    };
    ServiceError::refused(RefusalCode::Conflict, "edits", message)
}

/// The refusal of an edit of something that does not exist.
pub(super) fn nothing_to_edit(noun: &str) -> ServiceError {
    let message = format!("There is no {noun} with this key; leave `edits` out, or set it to 0, to save a new one.");
    Refusal::not_found("edits", message).into()
}

fn refused(error: SaveError) -> ServiceError {
    match error {
        SaveError::Conflict { edited, newest } => conflict("job", edited, newest.version),
        SaveError::Absent => nothing_to_edit("job"),
        SaveError::Gone(_) => Refusal::invalid("", error.to_string()).into(),
        SaveError::Store(error) => error.into(),
    }
}

impl Jobs {
    /// A version of a job; the newest if none is named.
    ///
    /// # Errors
    /// The store failed.
    pub async fn find(&self, scope: OrgScope, key: &str, version: Option<u32>) -> Result<Option<SavedJob>, StoreError> {
        self.node.stores.jobs.find(scope, key, version).await
    }

    /// The newest version of each job, by key: those after `after`, at most `limit`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list(&self, scope: OrgScope, after: Option<&str>, limit: u32) -> Result<Listed<SavedJob>, StoreError> {
        self.node.stores.jobs.list(scope, after, limit).await
    }

    /// How many jobs there are.
    ///
    /// # Errors
    /// The store failed.
    pub async fn count(&self, scope: OrgScope) -> Result<u64, StoreError> {
        self.node.stores.jobs.count(scope).await
    }

    /// Reads a saved job with the versions of modules that it was saved with, and the newest of filter templates, or
    /// those that a job result noted when it was started.
    ///
    /// # Errors
    /// The store failed; within, every fault at once.
    pub async fn read(
        &self,
        scope: OrgScope,
        saved: &SavedJob,
        templates: Option<&[TemplateVersion]>,
    ) -> Result<Result<Arc<Job>, Vec<Fault>>, StoreError> {
        match templates {
            Some(templates) => self.node.jobs.at(scope, saved, templates).await,
            None => self.node.jobs.newest(scope, saved).await,
        }
    }

    /// Starts the newest version of a job. Durable when it answers.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn start(&self, access: &Access, start: Start) -> Result<JobResult, ServiceError> {
        access.require(if start.dry_run { Operation::DryRunJob } else { Operation::RunJob })?;
        start::start(&self.node, access, start).await
    }

    /// Starts several jobs in this order, and answers each by itself. Durable when it answers.
    ///
    /// # Errors
    /// The caller may not start jobs.
    pub async fn start_all(
        &self,
        access: &Access,
        starts: Vec<Start>,
    ) -> Result<Vec<Result<JobResult, ServiceError>>, ServiceError> {
        access.require(Operation::RunJobs)?;
        Ok(start::start_all(&self.node, access, starts).await)
    }

    /// Reads a job, and lets each action check the parameters that hold no placeholders, so that a script or a template
    /// that does not parse is found before the job runs.
    ///
    /// # Errors
    /// Every fault at once, or the store failed.
    pub async fn check(&self, access: &Access, document: &Value) -> Result<Job, ServiceError> {
        access.require(Operation::ValidateJob)?;
        self.read_and_check(access, document).await
    }

    async fn read_and_check(&self, access: &Access, document: &Value) -> Result<Job, ServiceError> {
        let before = match document["key"].as_str() {
            Some(key) => self.node.stores.jobs.find(access.scope(), key, None).await?,
            None => None,
        };
        let pins = before.map(|saved| saved.pins).unwrap_or_default();
        self.check_with(access, document, Versions::NewestAfter(pins)).await
    }

    /// The same, with these versions of modules.
    pub(crate) async fn check_with(
        &self,
        access: &Access,
        document: &Value,
        versions: Versions,
    ) -> Result<Job, ServiceError> {
        let permit = self.node.checks.acquire(access.organization.id).await;
        let catalogue = self.node.catalogues.newest(access.scope()).await?;
        let document = document.clone();
        // The permit is held until the work is done, even if the caller is gone.
        let reading = move || (Job::read(&document, &catalogue, versions.choice()), permit);
        let (read, _permit) = blocking(reading).await?;
        let job = read?;
        let faults = self.check_actions(&job).await;
        if faults.is_empty() { Ok(job) } else { Err(faults.into()) }
    }

    /// Saves a job as a new version. `edits` is the version that was edited (0 for a
    /// new job); none saves on top of whatever is there.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn save(&self, access: &Access, document: Value, edits: Option<u32>) -> Result<SavedJob, ServiceError> {
        access.require(Operation::SaveJob)?;
        let job = self.read_and_check(access, &document).await?;
        self.save_checked(access, job, document, edits).await
    }

    /// Saves a job that was checked, unless something that it needs has changed meanwhile.
    pub(crate) async fn save_checked(
        &self,
        access: &Access,
        job: Job,
        document: Value,
        edits: Option<u32>,
    ) -> Result<SavedJob, ServiceError> {
        if let Some(queue) = &job.queue
            && let Some(fault) = start::fault_of_queue(&self.node, access.scope(), queue).await?
        {
            return Err(fault.into());
        }
        let _guard = self.node.catalogues.lock_templates_shared().await;
        let catalogue = self.node.catalogues.newest(access.scope()).await?;
        if !catalogue.templates().missing(&job.templates()).is_empty() {
            let message = "a filter template that the job uses has changed meanwhile; save the job again";
            return Err(Refusal::invalid("", message).into());
        }
        let schedules = schedules_to_save(&self.node, access, &job, &document).await?;
        let has_schedules = !schedules.is_empty();
        let version = NewVersion {
            pins: job.pins(),
            schedules,
            key: job.key,
            name: job.name,
            document,
            edits,
            saved_at: self.node.clock.now(),
            saved_by: access.who.clone(),
        };
        let saved = self.node.stores.jobs.save(access.scope(), version).await.map_err(refused)?;
        if has_schedules {
            self.node.schedules.announce();
        }
        Ok(saved)
    }

    /// Opens every action whose parameters hold no placeholder, and closes it again.
    async fn check_actions(&self, job: &Job) -> Vec<Fault> {
        let (mut faults, began) = (Vec::new(), Instant::now());
        let lines = job.lines.iter().map(|line| (line, field(&line.path, "parameters")));
        let rules = job.notify.iter().map(|rule| (&rule.line, rule.place.clone()));
        for (line, place) in lines.chain(rules) {
            let (work, parameters, place) = match &line.work {
                Work::Action(work) => (work.as_ref(), work.constant.clone(), place),
                Work::Filter(work) => match &work.script {
                    Some(script) => (&script.0, Some(Arc::clone(&script.1)), field(&line.path, "filter.script")),
                    None => continue,
                },
            };
            let Some(parameters) = parameters else { continue };
            let time_left = CHECK.saturating_sub(began.elapsed());
            if faults.len() > MOST_FAULTS {
                break;
            }
            if time_left.is_zero() {
                let limit = CHECK.as_secs();
                let message = format!(
                    "checking the actions of the job took more than {limit} s; this line and those after it were not checked"
                );
                faults.push(Fault::at(place, message));
                break;
            }
            let host_calls = Arc::new(NoHostCalls::default());
            let opening = OpenLine {
                timeout: time_left.min(CHECK_OF_ACTION),
                ..line_to_check(line, work, parameters, host_calls.clone())
            };
            let opened = module_loading::open(&self.node, opening).await;
            // An action that makes host calls when it is opened can only be checked when it runs.
            if let (Err(failure), false) = (opened, host_calls.was_asked()) {
                faults.push(Fault::at(place, failure.message));
            }
        }
        fault::first(faults)
    }
}

fn line_to_check(line: &Line, work: &ActionWork, parameters: Arc<Value>, host_calls: Arc<dyn HostCalls>) -> OpenLine {
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
        host_calls,
        timeout: CHECK_OF_ACTION,
        cancellation: CancellationToken::new(),
        listener: Arc::new(()),
    }
}
