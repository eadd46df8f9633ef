//! Deleting jobs. Their results stay.

use crate::model::organization::Access;
use crate::ports::jobs::{DeleteError, Deletion};
use crate::ports::notices::Change;
use crate::ports::results::Kill;
use crate::runtime::engine::Engine;

impl Engine {
    /// Deletes a job with its versions, schedules and webhooks; tells how many results were killed for that.
    /// Results that have not ended prevent it, unless `kill_open` says to kill them. `edits` is the version that
    /// the caller has seen; none deletes whatever is there.
    ///
    /// # Errors
    /// See [`DeleteError`].
    pub async fn delete_job(
        &self,
        access: &Access,
        key: &str,
        edits: Option<u32>,
        kill_open: bool,
    ) -> Result<u64, DeleteError> {
        let message = format!("Killed by {}, who deleted the job.", access.who);
        let kill = Kill {
            at: self.clock.now(),
            line_message: message.clone(),
            message,
            lines: Vec::new(),
            // The rules that would say whom to notify are deleted too.
            notices: Vec::new(),
        };
        let deletion = Deletion { key: key.to_owned(), edits, kill: kill_open.then_some(kill) };
        let mut killed = 0;
        loop {
            let deleted = self.jobs.delete_job(access.scope(), deletion.clone()).await?;
            killed += deleted.killed.len() as u64;
            for id in deleted.killed {
                self.running.interrupt(id);
                self.tell(access.organization.id, id, Change::Status);
            }
            if deleted.complete {
                self.tell_of_schedules();
                return Ok(killed);
            }
        }
    }
}
