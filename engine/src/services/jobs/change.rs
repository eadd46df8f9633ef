//! Changing a saved job: a new version in which everything else stays.

use serde_json::{Map, Value};

use super::{Versions, conflict};
use crate::model::job_schema::is_field;
use crate::model::organization::Access;
use crate::model::refusal::{Refusal, RefusalCode};
use crate::model::rights::Operation;
use crate::node::service_error::ServiceError;
use crate::ports::jobs::SavedJob;
use crate::services::Jobs;

/// How often a change is attempted while others save the same job.
const MAX_ATTEMPTS: u32 = 5;

/// Fields of a job that name actions.
const WITH_ACTIONS: [&str; 2] = ["lines", "notify"];

impl Jobs {
    /// Saves a new version of a job in which `changes` replace whole fields of its document. A null removes the field,
    /// so that its default applies. `edits` is the version that was edited; with none, any version is changed. The
    /// versions of modules stay the same, unless actions are among the changes.
    ///
    /// # Errors
    /// See [`ServiceError`]. The paths of faults are those of the document.
    pub async fn update(
        &self,
        access: &Access,
        key: &str,
        changes: &Map<String, Value>,
        edits: Option<u32>,
    ) -> Result<SavedJob, ServiceError> {
        access.require(Operation::UpdateJob)?;
        if changes.get("key").is_some_and(|new| new != key) {
            let message = "the key of a job cannot be changed; save the job under the new key, and delete this one";
            return Err(Refusal::invalid("key", message).into());
        }
        let repins = WITH_ACTIONS.iter().any(|name| changes.contains_key(*name));
        self.change(access, key, edits, repins, |document| apply(document, changes)).await
    }

    /// Activates or deactivates a job by a new version. If nothing changes, there is no new version.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn set_active(&self, access: &Access, key: &str, active: bool) -> Result<SavedJob, ServiceError> {
        access.require(Operation::SetJobActive)?;
        let set = |document: &mut Map<String, Value>| {
            if document.get("active").and_then(Value::as_bool).unwrap_or(true) != active {
                document.insert("active".to_owned(), Value::Bool(active));
            }
        };
        self.change(access, key, None, false, set).await
    }

    /// Saves a job with a changed document. Without `edits`, the change is repeated on a version that others saved
    /// meanwhile. With `repins`, lines get the newest compatible versions of their modules, like in [`Jobs::save`].
    pub(crate) async fn change(
        &self,
        access: &Access,
        key: &str,
        edits: Option<u32>,
        repins: bool,
        mut change: impl FnMut(&mut Map<String, Value>),
    ) -> Result<SavedJob, ServiceError> {
        let mut attempt = 1;
        loop {
            let before = self.newest_to_change(access, key, edits).await?;
            let mut document = before.document;
            if let Some(fields) = document.as_object_mut() {
                change(fields);
            }
            let versions = if repins { Versions::NewestAfter(before.pins) } else { Versions::Pinned(before.pins) };
            let job = self.check_with(access, &document, versions).await?;
            match self.save_checked(access, job, document, Some(before.version)).await {
                Err(error)
                    if error.code() == Some(RefusalCode::Conflict) && edits.is_none() && attempt < MAX_ATTEMPTS =>
                {
                    attempt += 1;
                }
                saved => return saved,
            }
        }
    }

    /// The newest version of a job, if that is the one that was edited.
    pub(crate) async fn newest_to_change(
        &self,
        access: &Access,
        key: &str,
        edits: Option<u32>,
    ) -> Result<SavedJob, ServiceError> {
        let newest =
            self.node.stores.jobs.find(access.scope(), key, None).await?.ok_or_else(|| Refusal::no_job("key", key))?;
        match edits.filter(|edits| *edits != newest.version) {
            Some(edited) => Err(conflict("job", edited, newest.version)),
            None => Ok(newest),
        }
    }
}

fn apply(document: &mut Map<String, Value>, changes: &Map<String, Value>) {
    for (name, value) in changes {
        // A null in an unknown field stays, so that the document is refused.
        if value.is_null() && is_field(name) {
            document.shift_remove(name);
        } else {
            document.insert(name.clone(), value.clone());
        }
    }
}
