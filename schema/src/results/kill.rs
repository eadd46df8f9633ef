//! Kills results.

use engine::model::Instant;
use engine::model::lifecycle::lease_state::LeaseState;
use engine::model::organization::OrganizationId;
use engine::model::result::{JobResult, ResultId};
use engine::model::status::Event;
use engine::ports::StoreError;
use engine::ports::results::{Kill, KillError, replaced};
use sea_orm::DatabaseTransaction;
use sea_orm::prelude::*;

use super::end::{EndedResult, end_all};
use super::{found, found_all, lines};
use crate::entities::leases::{self, is_ahead, is_in};
use crate::entities::line_results;
use crate::writer::SingleCommand;
use crate::{failed, unavailable};

pub(super) struct KillOne {
    pub organization: OrganizationId,
    pub id: ResultId,
    pub kill: Kill,
}

impl SingleCommand for KillOne {
    type Answer = Result<JobResult, KillError>;
    const DURABLE: bool = true;

    async fn apply(&self, db: &DatabaseTransaction) -> Result<Self::Answer, StoreError> {
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
        let lease = leases::Entity::find_by_id((self.organization.0, self.id.0)).one(db).await.map_err(failed)?;
        let has_sets = lease.is_some_and(|lease| lease.has_sets);
        let notifications = self.kill.notifications.clone();
        lines::cut_open(db, self.organization, &result, Event::Kill, &self.kill.line_message).await?;
        end_all(
            db,
            vec![EndedResult { organization: self.organization, result: result.clone(), has_sets, notifications }],
        )
        .await?;
        Ok(Ok(result))
    }
}

/// Kills all results of a job that have not ended, in favour of a new one.
pub(super) async fn replace(
    db: &DatabaseTransaction,
    (organization, job): (OrganizationId, &str),
    (by, at): (ResultId, Instant),
) -> Result<Vec<ResultId>, StoreError> {
    let mut others = Vec::new();
    for condition in [is_ahead(), is_in(LeaseState::Behind)] {
        let of_job = leases::Entity::find().filter(leases::Column::OrganizationId.eq(organization.0));
        let of_job = of_job.filter(leases::Column::JobKey.eq(job)).filter(condition);
        others.extend(of_job.all(db).await.map_err(failed)?);
    }
    kill_all(db, organization, others, &replaced(by, at)).await
}

/// Kills the results with these leases, oldest first, without notifications.
pub(crate) async fn kill_all(
    db: &DatabaseTransaction,
    organization: OrganizationId,
    mut leases: Vec<leases::Model>,
    kill: &Kill,
) -> Result<Vec<ResultId>, StoreError> {
    leases.sort_by_key(|lease| lease.job_result_id);
    let mut results = found_all(db, leases.iter().map(|lease| (organization.0, lease.job_result_id))).await?;
    let mut ended = Vec::with_capacity(leases.len());
    for lease in &leases {
        let row = results.remove(&(organization.0, lease.job_result_id));
        let mut result = row.ok_or_else(|| unavailable("a job result has a lease, but no row"))?.read()?;
        kill.end(&mut result).map_err(unavailable)?;
        if result.started_at.is_some() {
            lines::cut_open(db, organization, &result, Event::Kill, &kill.line_message).await?;
        }
        ended.push(EndedResult { organization, result, has_sets: lease.has_sets, notifications: Vec::new() });
    }
    end_all(db, ended).await?;
    Ok(leases.iter().map(|lease| ResultId(lease.job_result_id)).collect())
}
