//! Saving jobs.

use serde_json::Value;

use super::engine::Engine;
use crate::model::fault::Fault;
use crate::model::job::Job;
use crate::model::organization::Access;
use crate::ports::StoreError;
use crate::ports::jobs::{NewVersion, SaveError, SavedJob};

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
    pub fn check_job(&self, document: &Value) -> Result<Job, Vec<Fault>> {
        Job::read(document, &self.actions.catalogue())
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
        let job = self.check_job(&document).map_err(SaveJobError::Faults)?;
        let saved_at = self.clock.now();
        let version =
            NewVersion { key: job.key, name: job.name, document, edits, saved_at, saved_by: access.who.clone() };
        Ok(self.jobs.save(access.scope(), version).await?)
    }
}
