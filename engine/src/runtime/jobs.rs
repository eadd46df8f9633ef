//! Saving jobs.

use std::time::Duration;

use chrono_tz::Tz;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::engine::Engine;
use crate::model::Instant;
use crate::model::dates::{stamp, variables};
use crate::model::fault::{Fault, field};
use crate::model::job::Job;
use crate::model::line::{Line, Work};
use crate::model::organization::Access;
use crate::ports::StoreError;
use crate::ports::actions::{Actions, LineContext, OpenLine};
use crate::ports::jobs::{NewVersion, SaveError, SavedJob};

/// How long an action may look at its parameters when a job is saved.
const REHEARSAL: Duration = Duration::from_secs(2);

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
            SaveError::Store(error) => Self::Store(error),
        }
    }
}

impl Engine {
    /// Reads a job against the installed actions.
    ///
    /// # Errors
    /// Every fault at once.
    pub fn read_job(&self, document: &Value) -> Result<Job, Vec<Fault>> {
        Job::read(document, &self.actions.catalogue())
    }

    /// Reads a job, and has each action look at the parameters that are certain, so that a
    /// script or a template that does not parse is found now and not at night.
    ///
    /// # Errors
    /// Every fault at once.
    pub async fn check_job(&self, document: &Value) -> Result<Job, Vec<Fault>> {
        let (document, catalogue) = (document.clone(), self.actions.catalogue());
        // Patterns and schemas may take a while to compile.
        let reading = tokio::task::spawn_blocking(move || Job::read(&document, &catalogue));
        let job = reading.await.map_err(|error| vec![Fault::at("", format!("the job cannot be read: {error}"))])??;
        let faults = rehearse(self.actions.as_ref(), &job).await;
        if faults.is_empty() { Ok(job) } else { Err(faults) }
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
        let job = self.check_job(&document).await.map_err(SaveJobError::Faults)?;
        let saved_at = self.clock.now();
        let version =
            NewVersion { key: job.key, name: job.name, document, edits, saved_at, saved_by: access.who.clone() };
        Ok(self.jobs.save(access.scope(), version).await?)
    }
}

/// Opens every action whose parameters hold no placeholder, and closes it unused.
async fn rehearse(actions: &dyn Actions, job: &Job) -> Vec<Fault> {
    let mut faults = Vec::new();
    for line in &job.lines {
        let Work::Action(work) = &line.work else { continue };
        let Some(parameters) = work.parameters.constant() else { continue };
        if let Err(failure) = actions.open(rehearsal(line, &work.action, parameters)).await {
            faults.push(Fault::at(field(&line.path, "parameters"), failure.message));
        }
    }
    faults
}

fn rehearsal(line: &Line, action: &str, parameters: Value) -> OpenLine {
    let now = Instant::UNIX_EPOCH;
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
    OpenLine { action: action.to_owned(), parameters, context, timeout: REHEARSAL, kill: CancellationToken::new() }
}
