//! Isolated results: each is performed with nothing else at work on its node, so that a crash tells
//! who caused it.

use engine::model::Instant;
use engine::model::organization::OrganizationId;
use engine::model::result::ResultId;
use engine::model::turn::{Candidate, Occupancy};
use engine::ports::StoreError;
use engine::ports::queue::Claim;
use sea_orm::ActiveValue::Set;
use sea_orm::prelude::*;
use sea_orm::{DatabaseTransaction, QueryOrder, QuerySelect};

use super::{learn_limits, occupancy};
use crate::columns::micros;
use crate::entities::leases::{ActiveModel, Column, Entity, Model, Stands};
use crate::failed;

/// What isolated results mean for a claim.
pub(super) enum Isolation {
    /// One is at work on the node, and nothing else is claimed until this time.
    AtWork(Instant),
    /// The node has nothing at work, and takes this one alone.
    Next(Candidate),
    /// Some wait until the node has nothing at work.
    WaitsForIdle,
    Nothing,
}

pub(super) async fn isolation(db: &DatabaseTransaction, claim: Claim) -> Result<Isolation, StoreError> {
    let rows = Entity::find().filter(Column::IsolatedUntil.is_not_null());
    let rows = rows.order_by_asc(Column::Strikes).order_by_asc(Column::JobResultId).all(db).await.map_err(failed)?;
    // Almost always.
    if rows.is_empty() {
        return Ok(Isolation::Nothing);
    }
    let (leased, waiting): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.stands == Stands::Leased.word());
    for row in leased.iter().filter(|row| row.node == Some(claim.node.0)) {
        match row.place().maybe_instant("isolated_until", row.isolated_until)? {
            Some(until) if until > claim.now => return Ok(Isolation::AtWork(until)),
            _ => end(db, row).await?,
        }
    }
    let Some(first) = first_with_room(db, waiting).await? else { return Ok(Isolation::Nothing) };
    let is_next = claim.room.slots > 0 && is_idle(db, claim).await?;
    Ok(if is_next { Isolation::Next(first) } else { Isolation::WaitsForIdle })
}

/// The first of these whose queue is not full.
async fn first_with_room(db: &DatabaseTransaction, waiting: Vec<Model>) -> Result<Option<Candidate>, StoreError> {
    let mut at_work: Option<Occupancy> = None;
    for row in waiting {
        let mut occupancy = match at_work.take() {
            Some(occupancy) => occupancy,
            None => occupancy(db).await?,
        };
        let queue = row.queue_name();
        learn_limits(db, &queue, &mut occupancy).await?;
        if !occupancy.is_full(&queue) {
            let (organization, result) = (OrganizationId(row.organization_id), ResultId(row.job_result_id));
            return Ok(Some(Candidate { organization, result, queue, priority: 0 }));
        }
        at_work = Some(occupancy);
    }
    Ok(None)
}

/// Whether the node has nothing at work.
async fn is_idle(db: &DatabaseTransaction, claim: Claim) -> Result<bool, StoreError> {
    let own = Entity::find().filter(Stands::Leased.holds()).filter(Column::Node.eq(claim.node.0));
    let own = own.select_only().column(Column::JobResultId).limit(1).into_tuple::<Uuid>();
    Ok(own.one(db).await.map_err(failed)?.is_none())
}

/// The time of isolation is over: others may be claimed beside it.
async fn end(db: &DatabaseTransaction, row: &Model) -> Result<(), StoreError> {
    let one = Entity::update_many()
        .set(ActiveModel { isolated_until: Set(None), ..Default::default() })
        .filter(Column::OrganizationId.eq(row.organization_id))
        .filter(Column::JobResultId.eq(row.job_result_id));
    one.exec(db).await.map_err(failed)?;
    Ok(())
}

/// A row that is put back: it is isolated until a time, or ready.
pub(in crate::queue) fn isolated_until(until: Option<Instant>) -> ActiveModel {
    let stands = if until.is_some() { Stands::Later } else { Stands::Ready };
    ActiveModel {
        stands: Set(stands.word().to_owned()),
        ready_at: Set(until.map(micros)),
        isolated_until: Set(until.map(micros)),
        node: Set(None),
        ..Default::default()
    }
}
