//! Wakes results that wait for a time.

use engine::model::Instant;
use engine::model::lifecycle::lease_state::LeaseState;
use engine::model::organization::OrganizationId;
use engine::model::result::ResultId;
use engine::ports::StoreError;
use sea_orm::ActiveValue::Set;
use sea_orm::prelude::*;
use sea_orm::{DatabaseTransaction, QueryOrder, QuerySelect};

use crate::columns::{RowName, micros};
use crate::entities::leases::{ActiveModel, Column, Entity, is_in};
use crate::failed;
use crate::writer::SingleCommand;

/// How many results are woken at once, not counting those that are due at the same instant as the last of them.
const AT_ONCE: u64 = 1000;

/// Makes results ready that are due, and returns when the next one is.
pub(super) async fn wake(db: &DatabaseTransaction, now: Instant) -> Result<Option<Instant>, StoreError> {
    let first = due_at_position(db, 0).await?;
    if first.is_none_or(|first| first > micros(now)) {
        return read(first);
    }
    let last = due_at_position(db, AT_ONCE).await?.map_or(micros(now), |last| last.min(micros(now)));
    let due = Entity::update_many().set(ready()).filter(is_in(LeaseState::Later)).filter(Column::ReadyAt.lte(last));
    due.exec(db).await.map_err(failed)?;
    read(due_at_position(db, 0).await?)
}

/// Makes one result ready before its time.
pub(in crate::queue) struct EndWait {
    pub organization: OrganizationId,
    pub result: ResultId,
}

impl SingleCommand for EndWait {
    type Answer = ();
    const DURABLE: bool = false;

    async fn apply(&self, db: &DatabaseTransaction) -> Result<(), StoreError> {
        let waiting = Entity::update_many()
            .set(ready())
            .filter(Column::OrganizationId.eq(self.organization.0))
            .filter(Column::JobResultId.eq(self.result.0))
            .filter(is_in(LeaseState::Later))
            .filter(Column::IsolatedUntil.is_null());
        waiting.exec(db).await.map_err(failed)?;
        Ok(())
    }
}

fn ready() -> ActiveModel {
    ActiveModel {
        state: Set(LeaseState::Ready.word().to_owned()),
        ready_at: Set(None),
        isolated_until: Set(None),
        ..Default::default()
    }
}

/// When the result at this position is due, in the order of times.
async fn due_at_position(db: &DatabaseTransaction, position: u64) -> Result<Option<i64>, StoreError> {
    let later = Entity::find().filter(is_in(LeaseState::Later)).order_by_asc(Column::ReadyAt).offset(position).limit(1);
    let due = later.select_only().column(Column::ReadyAt).into_tuple::<Option<i64>>();
    Ok(due.one(db).await.map_err(failed)?.flatten())
}

fn read(due: Option<i64>) -> Result<Option<Instant>, StoreError> {
    RowName::new("leases", "that is due next").maybe_instant("ready_at", due)
}
