//! Saves the schedules of a job, and repairs positions.

use std::collections::HashMap;

use engine::model::Instant;
use engine::model::organization::OrganizationId;
use engine::model::schedule::{Schedule, ScheduleId};
use engine::ports::StoreError;
use engine::ports::schedules::{Place, SavedSchedule};
use sea_orm::ActiveValue::Set;
use sea_orm::DatabaseTransaction;
use sea_orm::prelude::*;

use super::write;
use crate::entities::schedules::{ActiveModel, Column, Entity, Model};
use crate::failed;
use crate::writer::SingleCommand;

/// Gives a job these schedules and no others.
pub(crate) async fn save(
    db: &DatabaseTransaction,
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
            Some(row) => (Some(row.place()), row.read().ok()),
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

/// Writes the position that a sweep computed.
pub(super) struct Rearm {
    pub rearmed: SavedSchedule,
    /// The revision that it saw.
    pub seen: u64,
}

impl SingleCommand for Rearm {
    type Answer = bool;
    const DURABLE: bool = true;

    async fn apply(&self, db: &DatabaseTransaction) -> Result<bool, StoreError> {
        let id = (self.rearmed.organization.0, self.rearmed.id.0);
        let row = Entity::find_by_id(id).one(db).await.map_err(failed)?;
        let same = row.is_some_and(|row| row.revision.cast_unsigned() == self.seen);
        if same {
            write(db, std::slice::from_ref(&self.rearmed)).await?;
        }
        Ok(same)
    }
}

pub(super) struct Disarm(pub Place);

impl SingleCommand for Disarm {
    type Answer = ();
    const DURABLE: bool = true;

    async fn apply(&self, db: &DatabaseTransaction) -> Result<(), StoreError> {
        let (organization, id) = self.0;
        let row = Entity::update_many()
            .set(ActiveModel { due_at: Set(None), ..Default::default() })
            .filter(Column::OrganizationId.eq(organization.0))
            .filter(Column::Id.eq(id.0));
        row.exec(db).await.map_err(failed)?;
        Ok(())
    }
}
