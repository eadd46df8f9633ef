//! Saves the schedules of a job, and repairs positions.

use std::collections::HashMap;

use engine::model::Instant;
use engine::model::organization::OrganizationId;
use engine::model::schedule::{Schedule, ScheduleId};
use engine::ports::StoreError;
use engine::ports::schedules::SavedSchedule;
use sea_orm::prelude::*;

use super::write;
use crate::entities::schedules::{Column, Entity, Model};
use crate::failed;
use crate::transaction::Transaction;

/// Gives a job these schedules and no others.
pub(crate) async fn save(
    db: &Transaction,
    (organization, job): (OrganizationId, &str),
    schedules: &[(ScheduleId, Schedule)],
    now: Instant,
) -> Result<(), StoreError> {
    let of_job = || Entity::find().filter(Column::OrganizationId.eq(organization.0)).filter(Column::JobKey.eq(job));
    let mut before: HashMap<String, Model> =
        of_job().all(db).await.map_err(failed)?.into_iter().map(|row| (row.key.clone(), row)).collect();
    let mut kept = Vec::new();
    for new in schedules {
        let row = before.remove(&new.1.key);
        let (known, saved) = match row {
            // A row that cannot be read is overwritten.
            Some(row) => (Some(row.schedule()), row.read().ok()),
            None => (None, None),
        };
        let id = known.map_or(new.0, |(_, id)| id);
        kept.push(SavedSchedule::save(saved, (organization, job), (id, new.1.clone()), now));
    }
    for gone in before.into_values() {
        Entity::delete_by_id((gone.organization_id, gone.id)).exec(db).await.map_err(failed)?;
    }
    write(db, &kept).await
}
