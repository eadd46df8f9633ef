//! Arms schedules again that wait for the end of what they started.

use engine::model::organization::OrganizationId;
use engine::model::result::JobResult;
use engine::ports::StoreError;
use sea_orm::prelude::*;

use super::write;
use crate::batch::{by_organization, pieces};
use crate::entities::schedules::{Column, Entity};
use crate::failed;
use crate::transaction::Transaction;

/// Arms the schedules again that waited for these results. Returns whether there were any.
pub(crate) async fn complete<'a>(
    db: &Transaction,
    ended: impl Iterator<Item = (OrganizationId, &'a JobResult)> + Clone,
) -> Result<bool, StoreError> {
    let scheduled = ended.filter(|(_, result)| result.scheduled.is_some());
    let finished = |id: Uuid| scheduled.clone().find(|(_, result)| result.id.0 == id)?.1.finished_at;
    let mut completed = Vec::new();
    for (organization, ids) in by_organization(scheduled.clone().map(|(owner, result)| (owner.0, result.id.0))) {
        for ids in pieces(&ids) {
            let waiting = Entity::find().filter(Column::OrganizationId.eq(organization));
            let waiting = waiting.filter(Column::Awaits.is_in(ids.iter().copied())).all(db).await.map_err(failed)?;
            for row in waiting {
                let at = row.awaits.and_then(finished);
                // The sweep reports a schedule that cannot be read; the result ends nevertheless.
                let (Some(at), Ok(mut saved)) = (at, row.read()) else { continue };
                saved.position = saved.schedule.completed(&saved.position, at);
                saved.revision += 1;
                completed.push(saved);
            }
        }
    }
    write(db, &completed).await?;
    Ok(!completed.is_empty())
}
