//! The store of jobs and all their versions.

use async_trait::async_trait;
use serde_json::Value;

use super::results::Kill;
use super::{Listed, StoreError};
use crate::model::Instant;
use crate::model::catalogue::Pin;
use crate::model::organization::OrgScope;
use crate::model::result::ResultId;
use crate::model::schedule::{Schedule, ScheduleId};

/// One immutable version of a job, as it was saved.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedJob {
    /// Key, unique in the organization.
    pub key: String,
    /// Name, for people.
    pub name: String,
    /// 1 for the first, then one more each time. If a deleted job is saved again, its numbers continue.
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

/// A version to be saved.
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
    /// Its schedules, which replace all schedules of the job. Each has the identity that it gets if the job has none
    /// with its key.
    pub schedules: Vec<(ScheduleId, Schedule)>,
    /// The version that was edited: 0 for a new job; none to replace any version.
    pub edits: Option<u32>,
    /// When it is saved.
    pub saved_at: Instant,
    /// Who saves it.
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
    /// The edited job does not exist.
    #[error("there is no job with this key; save a new one")]
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
    /// Nothing: this is the newest version, and it is equal.
    Unchanged(SavedJob),
}

impl NewVersion {
    /// What saving does, given the newest version and the last version of a deleted job with the same key (0 if none
    /// was deleted).
    ///
    /// # Errors
    /// Another version than the newest was edited.
    pub fn judge(self, newest: Option<&SavedJob>, deleted: u32) -> Result<Saving, SaveError> {
        let version = match (newest, self.edits) {
            (Some(newest), _) if self.says_the_same_as(newest) => {
                return Ok(Saving::Unchanged(newest.clone()));
            }
            (Some(newest), Some(edited)) if edited != newest.version => {
                return Err(SaveError::Conflict { edited, newest: Box::new(newest.clone()) });
            }
            (Some(newest), _) => newest.version + 1,
            (None, Some(1..)) => return Err(SaveError::Absent),
            (None, _) => deleted + 1,
        };
        let Self { key, name, document, pins, saved_at, saved_by, .. } = self;
        Ok(Saving::New(SavedJob { key, name, version, document, pins, saved_at, saved_by }))
    }

    fn says_the_same_as(&self, newest: &SavedJob) -> bool {
        newest.document == self.document && newest.name == self.name && newest.pins == self.pins
    }
}

/// How many results one call of [`Jobs::delete_job`] kills at most, so that other writes do not wait long.
pub const MOST_KILLED: usize = 200;

/// A job to be deleted.
#[derive(Debug, Clone)]
pub struct Deletion {
    /// Key of the job.
    pub key: String,
    /// The version that the caller has seen; with none, any version is deleted.
    pub edits: Option<u32>,
    /// How results of the job that have not ended are killed; without it, they prevent the deletion.
    pub kill: Option<Kill>,
}

/// What a call of [`Jobs::delete_job`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    /// The results that it killed.
    pub killed: Vec<ResultId>,
    /// Whether the job is deleted. If not, more results have to be killed: call again.
    pub complete: bool,
}

/// Why a job was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// There is no such job in the organization.
    #[error("there is no job with this key")]
    Absent,
    /// Somebody saved the job meanwhile.
    #[error("version {edited} was edited, but the job is at version {newest}")]
    Conflict {
        /// The version that the caller has seen.
        edited: u32,
        /// The newest version.
        newest: u32,
    },
    /// This many results of the job have not ended. Counted up to one more than [`MOST_KILLED`].
    #[error("{0} job results of the job have not ended")]
    Open(usize),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Deletion {
    /// The version that is deleted as the last one, given the newest version that is there.
    ///
    /// # Errors
    /// `Absent` and `Conflict`.
    pub fn judge(&self, newest: Option<u32>) -> Result<u32, DeleteError> {
        match (newest, self.edits) {
            (None, _) => Err(DeleteError::Absent),
            (Some(newest), Some(edited)) if edited != newest => Err(DeleteError::Conflict { edited, newest }),
            (Some(newest), _) => Ok(newest),
        }
    }
}

/// Keeps the jobs of each organization.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Adds a version and makes it the newest. If name, document and pins are equal to those of the newest version,
    /// nothing is added and that version is returned, whatever was edited: applying the same file twice, or repeating a
    /// call whose answer was lost, changes nothing. The pinned modules must be installed, for the organization or for
    /// all.
    async fn save(&self, scope: OrgScope, version: NewVersion) -> Result<SavedJob, SaveError>;

    /// A version of a job; the newest if none is named.
    async fn find(&self, scope: OrgScope, key: &str, version: Option<u32>) -> Result<Option<SavedJob>, StoreError>;

    /// The newest version of each job, by key: those after `after`, at most `limit`.
    async fn list(&self, scope: OrgScope, after: Option<&str>, limit: u32) -> Result<Listed<SavedJob>, StoreError>;

    /// How many jobs there are.
    async fn count(&self, scope: OrgScope) -> Result<u64, StoreError>;

    /// Deletes a job with its versions, schedules and webhooks, and kills results of it that have not ended,
    /// notifications and dry runs included: all in one transaction, durable when it returns. If there are more
    /// than [`MOST_KILLED`] such results, it kills that many, leaves the job, and asks to be called again.
    ///
    /// Results of the job stay. Its version numbers are never used again, and a new job with the same key
    /// neither takes its `since` nor its last status from them; only their age protects them from pruning.
    async fn delete_job(&self, scope: OrgScope, deletion: Deletion) -> Result<Deleted, DeleteError>;
}
