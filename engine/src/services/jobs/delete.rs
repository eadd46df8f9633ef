//! Deleting jobs. Their results stay.

use crate::model::organization::Access;
use crate::model::refusal::{Refusal, RefusalCode};
use crate::model::rights::Operation;
use crate::model::status::Status;
use crate::node::events::ResultChange;
use crate::node::service_error::ServiceError;
use crate::ports::jobs::{DeleteError, Deletion, MOST_KILLED};
use crate::ports::results::Kill;
use crate::services::Jobs;

impl Jobs {
    /// Deletes a job with its versions, schedules and webhooks, and returns how many results were killed for that.
    /// Results that have not ended prevent it, unless `kill_open` is true. `edits` is the version that the caller has
    /// seen; with none, any version is deleted.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn delete(
        &self,
        access: &Access,
        key: &str,
        edits: Option<u32>,
        kill_open: bool,
    ) -> Result<u64, ServiceError> {
        access.require(Operation::DeleteJob)?;
        let message = format!("Killed by {}, who deleted the job.", access.who);
        let kill = Kill {
            at: self.node.clock.now(),
            line_message: message.clone(),
            message,
            lines: Vec::new(),
            // The rules of `notify` are deleted with the job.
            notifications: Vec::new(),
        };
        let deletion = Deletion { key: key.to_owned(), edits, kill: kill_open.then_some(kill) };
        let mut killed = 0;
        loop {
            let deleted = self.node.stores.jobs.delete_job(access.scope(), deletion.clone()).await;
            let deleted = deleted.map_err(|error| refused(key, error))?;
            killed += deleted.killed.len() as u64;
            for id in deleted.killed {
                self.node.running.interrupt(id);
                self.node.metrics.count_job_result(Status::Killed);
                self.node.publish(access.organization.id, id, ResultChange::Status);
            }
            if deleted.complete {
                self.node.schedules.announce();
                return Ok(killed);
            }
        }
    }
}

fn refused(key: &str, error: DeleteError) -> ServiceError {
    match error {
        DeleteError::Absent => Refusal::no_job("key", key).into(),
        DeleteError::Conflict { .. } => ServiceError::refused(
            RefusalCode::Conflict,
            "edits",
            format!("{error}; look at the new version and delete the job again."),
        ),
        DeleteError::Open(count) => {
            let results = match count {
                1 => "1 result of the job has not ended".to_owned(),
                2..=MOST_KILLED => format!("{count} results of the job have not ended"),
                _ => format!("More than {MOST_KILLED} results of the job have not ended"),
            };
            let message = format!("{results}; wait for the end, or delete the job with `killOpen: true`.");
            ServiceError::refused(RefusalCode::InUse, "key", message)
        }
        DeleteError::Store(error) => error.into(),
    }
}
