//! Ending a result whose lines have all run or been skipped.

use super::Attempt;
use super::job_outcome::summarize;
use crate::execution::finish::publish_end;
use crate::execution::notifications;
use crate::execution::outcome::{Performed, Stopped};
use crate::model::record::kept_sentence;
use crate::model::result::Counters;
use crate::model::status::Status;
use crate::ports::queue::{Finish, LeaseError};
use crate::ports::results::NewResult;

impl Attempt<'_> {
    pub(crate) async fn finish(self) -> Result<Performed, Stopped> {
        let (status, message) = summarize(&self.lines, self.skip_reason, self.records.len());
        let mut finish = Finish {
            counters: self.counters(),
            failed_line: self.failed_line.filter(|_| status == Status::Error),
            notes: self.journal.notes(),
            ..Finish::bare(status, kept_sentence(&message), self.node.clock.now())
        };
        finish.notifications = self.notifications(&finish).await?;
        self.live.lines_done.cancel();
        let finished = self.journal.finish(finish).await?;
        publish_end(self.node, self.lease.organization, &finished);
        Ok(Performed { result: finished.result, lines: self.lines, records: self.records, rejected: self.rejected })
    }

    fn counters(&self) -> Counters {
        let first = self.lines.iter().find(|line| line.status != Status::Skipped);
        Counters {
            records_in: first.map_or(0, |line| line.counters.records_in),
            records_out: self.records.len() as u64,
            records_rejected: self.lines.iter().map(|line| line.counters.records_rejected).sum(),
        }
    }

    /// The notifications that the job's rules require for this end.
    async fn notifications(&self, finish: &Finish) -> Result<Vec<NewResult>, Stopped> {
        let mut ended = self.result.clone();
        finish.end(&mut ended).map_err(|_| LeaseError::Lost)?;
        Ok(notifications::of_end(self.node, (self.organization, self.job), &ended, &self.lines).await?)
    }
}
