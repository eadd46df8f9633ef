//! Where jobs and all their versions are kept.

use async_trait::async_trait;
use serde_json::Value;

use super::{Listed, StoreError};
use crate::model::Instant;
use crate::model::catalogue::Pin;
use crate::model::organization::OrgScope;
use crate::model::schedule::{Schedule, ScheduleId};

/// One immutable version of a job, as it was saved.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedJob {
    /// Key, unique in the organization.
    pub key: String,
    /// Name, for people.
    pub name: String,
    /// 1 for the first, then one more each time.
    pub version: u32,
    /// The job, in the shape of the job file.
    pub document: Value,
    /// The versions of modules that it runs with.
    pub pins: Vec<Pin>,
    /// When this version was saved.
    pub saved_at: Instant,
    /// Who saved it.
    pub saved_by: String,
}

/// A version to be made.
#[derive(Debug, Clone)]
pub struct NewVersion {
    /// Key of the job.
    pub key: String,
    /// Name of the job.
    pub name: String,
    /// The job, already validated.
    pub document: Value,
    /// The versions of modules that it was validated with.
    pub pins: Vec<Pin>,
    /// When it starts by itself: these take the place of all schedules that the job had. Each has the
    /// identity that it gets if the job has none with its key.
    pub schedules: Vec<(ScheduleId, Schedule)>,
    /// The version that was edited: 0 for a new job; none to save on top of whatever is there.
    pub edits: Option<u32>,
    /// When.
    pub saved_at: Instant,
    /// Who.
    pub saved_by: String,
}

/// Why a version was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
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
    /// A module that the version was validated with was removed meanwhile.
    #[error("the module {0} was removed meanwhile; check the job and save it again")]
    Gone(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a store has to do to save a version. See [`NewVersion::judge`].
#[derive(Debug, Clone, PartialEq)]
pub enum Saving {
    /// Add this version and make it the newest.
    New(SavedJob),
    /// Nothing: this is the newest, and it says the same.
    Unchanged(SavedJob),
}

impl NewVersion {
    /// What saving comes to, given the newest version that is there.
    ///
    /// # Errors
    /// Refuses what was edited on top of another version than the newest.
    pub fn judge(self, newest: Option<&SavedJob>) -> Result<Saving, SaveError> {
        let version = match (newest, self.edits) {
            (Some(newest), _) if self.says_the_same_as(newest) => {
                return Ok(Saving::Unchanged(newest.clone()));
            }
            (Some(newest), Some(edited)) if edited != newest.version => {
                return Err(SaveError::Conflict { edited, newest: Box::new(newest.clone()) });
            }
            (Some(newest), _) => newest.version + 1,
            (None, Some(1..)) => return Err(SaveError::Absent),
            (None, _) => 1,
        };
        let Self { key, name, document, pins, saved_at, saved_by, .. } = self;
        Ok(Saving::New(SavedJob { key, name, version, document, pins, saved_at, saved_by }))
    }

    fn says_the_same_as(&self, newest: &SavedJob) -> bool {
        newest.document == self.document && newest.name == self.name && newest.pins == self.pins
    }
}

/// Keeps the jobs of each organization.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Adds a version and makes it the newest. If name, document and pins are equal to
    /// the newest version's, nothing is added and that version is the answer,
    /// whatever was edited: applying the same file twice, or asking again after
    /// an answer that was lost, changes nothing. What it pins must be installed, for the
    /// organization or for all.
    async fn save(&self, scope: OrgScope, version: NewVersion) -> Result<SavedJob, SaveError>;

    /// A version of a job; the newest if none is named.
    async fn find(&self, scope: OrgScope, key: &str, version: Option<u32>) -> Result<Option<SavedJob>, StoreError>;

    /// The newest version of each job, by key: those after `after`, at most `limit`.
    async fn list(&self, scope: OrgScope, after: Option<&str>, limit: u32) -> Result<Listed<SavedJob>, StoreError>;

    /// How many jobs there are.
    async fn count(&self, scope: OrgScope) -> Result<u64, StoreError>;
}
