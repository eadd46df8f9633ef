//! Arms and disarms schedules.

use engine::ports::StoreError;
use engine::ports::schedules::{SavedSchedule, ScheduleRef};
use sea_orm::ActiveValue::Set;
use sea_orm::prelude::*;

use crate::entities::schedules::{ActiveModel, Column, Entity};
use crate::failed;
use crate::schedules::write;
use crate::transaction::Transaction;
use crate::writer::SingleCommand;

/// Writes the position that a sweep computed.
pub(super) struct Rearm {
    pub schedule: SavedSchedule,
    /// The revision that it saw.
    pub seen: u64,
}

impl SingleCommand for Rearm {
    type Answer = bool;
    const DURABLE: bool = true;

    async fn apply(&self, db: &Transaction) -> Result<bool, StoreError> {
        let id = (self.schedule.organization.0, self.schedule.id.0);
        let row = Entity::find_by_id(id).one(db).await.map_err(failed)?;
        let same = row.is_some_and(|row| row.revision.cast_unsigned() == self.seen);
        if same {
            write(db, std::slice::from_ref(&self.schedule)).await?;
        }
        Ok(same)
    }
}

pub(super) struct Disarm(pub ScheduleRef);

impl SingleCommand for Disarm {
    type Answer = ();
    const DURABLE: bool = true;

    async fn apply(&self, db: &Transaction) -> Result<(), StoreError> {
        let (organization, id) = self.0;
        let row = Entity::update_many()
            .set(ActiveModel { due_at: Set(None), ..Default::default() })
            .filter(Column::OrganizationId.eq(organization.0))
            .filter(Column::Id.eq(id.0));
        row.exec(db).await.map_err(failed)?;
        Ok(())
    }
}
