//! Kills one result, and starts its notifications.

use engine::model::organization::OrganizationId;
use engine::model::result::{JobResult, ResultId};
use engine::model::status::Event;
use engine::ports::StoreError;
use engine::ports::results::{Kill, KillError};

use super::end::{EndedResult, end_all};
use super::start::start_notifications;
use super::{found, lines};
use crate::entities::line_results;
use crate::failed;
use crate::transaction::Transaction;
use crate::writer::SingleCommand;

pub(super) struct KillOne {
    pub organization: OrganizationId,
    pub id: ResultId,
    pub kill: Kill,
}

impl SingleCommand for KillOne {
    type Answer = Result<JobResult, KillError>;
    const DURABLE: bool = true;

    async fn apply(&self, db: &Transaction) -> Result<Self::Answer, StoreError> {
        let Some(mut result) = found(db, self.organization, self.id).await? else {
            return Ok(Err(KillError::Absent));
        };
        if let Err(refusal) = self.kill.end(&mut result) {
            return Ok(Err(KillError::Ended(refusal.status)));
        }
        let written = lines::of(self.organization, &[self.id.0]).all(db).await.map_err(failed)?;
        let ended: Vec<_> = written.iter().filter(|row| row.has_ended()).map(|row| row.line_no).collect();
        let open = self.kill.lines.iter().filter(|line| !ended.contains(&i64::from(line.line_no)));
        let lines = open.map(|line| line_results::Model::of(self.organization, self.id, line));
        lines::write(db, &lines.collect::<Result<Vec<_>, _>>()?).await?;
        let has_sets = db.leases().get((self.organization.0, self.id.0)).is_some_and(|lease| lease.has_sets);
        lines::end_open_lines(db, self.organization, &result, Event::Kill, &self.kill.line_message).await?;
        let ended = EndedResult { organization: self.organization, result: result.clone(), has_sets };
        end_all(db, vec![ended]).await?;
        start_notifications(db, self.kill.notifications.iter().map(|one| (self.organization, one))).await?;
        Ok(Ok(result))
    }
}
