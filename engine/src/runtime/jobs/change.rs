//! Changing a saved job: a new version in which all else stays.

use serde_json::{Map, Value};

use super::{SaveJobError, Versions};
use crate::model::fault::Fault;
use crate::model::job;
use crate::model::organization::Access;
use crate::ports::jobs::SavedJob;
use crate::runtime::engine::Engine;

/// How often a change is attempted while others save the same job.
const TRIES: u32 = 5;

/// Fields of a job that name actions.
const WITH_ACTIONS: [&str; 2] = ["lines", "notify"];

impl Engine {
    /// Saves a new version of a job in which `changes` replace fields of its document, each as a whole. A null
    /// removes the field, so that its default applies. `edits` is the version that was edited; none changes
    /// whatever is there. The versions of modules stay as they are, unless actions are among the changes.
    ///
    /// # Errors
    /// See [`SaveJobError`]. The paths of faults are those in the document.
    pub async fn update_job(
        &self,
        access: &Access,
        key: &str,
        changes: &Map<String, Value>,
        edits: Option<u32>,
    ) -> Result<SavedJob, SaveJobError> {
        if changes.get("key").is_some_and(|new| new != key) {
            let message = "the key of a job cannot be changed; save the job under the new key, and delete this one";
            return Err(SaveJobError::Faults(vec![Fault::at("key", message)]));
        }
        let repins = WITH_ACTIONS.iter().any(|name| changes.contains_key(*name));
        self.change_job(access, key, edits, repins, |document| apply(document, changes)).await
    }

    /// Saves a new version of a job that differs in whether the job is active. A job that is as wanted gets no
    /// new version.
    ///
    /// # Errors
    /// See [`SaveJobError`].
    pub async fn set_job_active(&self, access: &Access, key: &str, active: bool) -> Result<SavedJob, SaveJobError> {
        let set = |document: &mut Map<String, Value>| {
            if document.get("active").and_then(Value::as_bool).unwrap_or(true) != active {
                document.insert("active".to_owned(), Value::Bool(active));
            }
        };
        self.change_job(access, key, None, false, set).await
    }

    /// Saves a job with a changed document. Without `edits`, what others saved meanwhile is changed instead. With
    /// `repins`, lines get the newest compatible versions of their modules, as [`Engine::save_job`] gives them.
    pub(crate) async fn change_job(
        &self,
        access: &Access,
        key: &str,
        edits: Option<u32>,
        repins: bool,
        mut change: impl FnMut(&mut Map<String, Value>),
    ) -> Result<SavedJob, SaveJobError> {
        let mut tries = 1;
        loop {
            let before = self.job_to_change(access, key, edits).await?;
            let mut document = before.document;
            if let Some(fields) = document.as_object_mut() {
                change(fields);
            }
            let versions = if repins { Versions::NewestAfter(before.pins) } else { Versions::Pinned(before.pins) };
            let job = self.check_job_with(access, &document, versions).await?;
            match self.save_checked(access, job, document, Some(before.version)).await {
                Err(SaveJobError::Conflict { .. }) if edits.is_none() && tries < TRIES => tries += 1,
                saved => return saved,
            }
        }
    }

    /// The newest version of a job, if that is the one that was edited.
    pub(crate) async fn job_to_change(
        &self,
        access: &Access,
        key: &str,
        edits: Option<u32>,
    ) -> Result<SavedJob, SaveJobError> {
        let newest = self.jobs.find(access.scope(), key, None).await?.ok_or(SaveJobError::Absent)?;
        match edits.filter(|edits| *edits != newest.version) {
            Some(edited) => Err(SaveJobError::Conflict { edited, newest: Box::new(newest) }),
            None => Ok(newest),
        }
    }
}

fn apply(document: &mut Map<String, Value>, changes: &Map<String, Value>) {
    for (name, value) in changes {
        // A null under a name that no job has stays, so that reading the document refuses it.
        if value.is_null() && job::is_field(name) {
            document.shift_remove(name);
        } else {
            document.insert(name.clone(), value.clone());
        }
    }
}
