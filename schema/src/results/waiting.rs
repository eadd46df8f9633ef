//! Why results that have not ended are not at work.

use engine::model::organization::OrganizationId;
use engine::model::result::ResultId;
use engine::model::turn::Occupancy;
use engine::ports::StoreError;
use engine::ports::results::Waiting;
use sea_orm::prelude::*;

use super::start::jobs;
use crate::batch::pieces;
use crate::entities::leases::{self, Stands};
use crate::failed;
use crate::queue::{learn_limits, occupancy};

pub(super) async fn waiting(
    db: &DatabaseConnection,
    organization: OrganizationId,
    ids: &[ResultId],
) -> Result<Vec<(ResultId, Waiting)>, StoreError> {
    let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
    let mut rows = Vec::new();
    for ids in pieces(&ids) {
        let of = leases::Entity::find().filter(leases::Column::OrganizationId.eq(organization.0));
        rows.extend(of.filter(leases::Column::JobResultId.is_in(ids.iter().copied())).all(db).await.map_err(failed)?);
    }
    let mut at_work = occupancy(db).await?;
    let mut found = Vec::with_capacity(rows.len());
    for id in ids {
        let Some(row) = rows.iter().find(|row| row.job_result_id == id) else { continue };
        found.extend(why(db, row, &mut at_work).await?.map(|why| (ResultId(id), why)));
    }
    Ok(found)
}

async fn why(
    db: &DatabaseConnection,
    row: &leases::Model,
    at_work: &mut Occupancy,
) -> Result<Option<Waiting>, StoreError> {
    Ok(match row.stands()? {
        Stands::Leased => None,
        Stands::Later if row.isolated_until.is_some() => Some(Waiting::Worker),
        Stands::Later => row.place().maybe_instant("ready_at", row.ready_at)?.map(Waiting::Until),
        Stands::Behind => {
            let job = [row.job_key.clone()];
            let unfinished = jobs::unfinished(db, row.organization_id, &job).await?.remove(&row.job_key);
            let ahead = unfinished.and_then(|unfinished| unfinished.ahead);
            Some(ahead.map_or(Waiting::Worker, |ahead| Waiting::Behind(ResultId(ahead))))
        }
        Stands::Ready => {
            let queue = row.queue_name();
            learn_limits(db, &queue, at_work).await?;
            Some(match at_work.reached(&queue) {
                Some(limit) => Waiting::QueueFull { queue: queue.key, limit },
                None => Waiting::Worker,
            })
        }
    })
}
