//! Isolated results: each runs alone on its node, so that a crash of the node has a known cause.

use engine::model::Instant;
use engine::model::fairness::{Candidate, Occupancy};
use engine::model::lifecycle::isolation::Isolation;
use engine::model::lifecycle::lease_state::LeaseState;
use engine::model::organization::OrganizationId;
use engine::model::result::ResultId;
use engine::ports::StoreError;
use engine::ports::queue::Claim;
use sea_orm::ActiveValue::Set;
use sea_orm::prelude::*;
use sea_orm::{DatabaseTransaction, QueryOrder, QuerySelect};

use crate::columns::micros;
use crate::entities::leases::{ActiveModel, Column, Entity, Model, is_in};
use crate::failed;
use crate::occupancy::{load_limits, occupancy};

pub(super) async fn isolation(db: &DatabaseTransaction, claim: Claim) -> Result<Isolation, StoreError> {
    let rows = Entity::find().filter(Column::IsolatedUntil.is_not_null());
    let rows =
        rows.order_by_asc(Column::CrashesAlone).order_by_asc(Column::JobResultId).all(db).await.map_err(failed)?;
    // The usual case.
    if rows.is_empty() {
        return Ok(Isolation::Nothing);
    }
    let (leased, waiting): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.state == LeaseState::Leased.word());
    let mut isolated_until = None;
    for row in leased.iter().filter(|row| row.node == Some(claim.node.0)) {
        match row.row_name().maybe_instant("isolated_until", row.isolated_until)? {
            Some(until) if until > claim.now => isolated_until = Some(until),
            _ => end(db, row).await?,
        }
    }
    let first = first_with_capacity(db, waiting).await?;
    let is_free = claim.capacity.slots > 0 && is_idle(db, claim).await?;
    Ok(Isolation::decide(isolated_until, first, is_free))
}

/// The first of these whose queue is not full.
async fn first_with_capacity(db: &DatabaseTransaction, waiting: Vec<Model>) -> Result<Option<Candidate>, StoreError> {
    let mut known: Option<Occupancy> = None;
    for row in waiting {
        let mut occupancy = match known.take() {
            Some(occupancy) => occupancy,
            None => occupancy(db).await?,
        };
        let queue = row.queue_name();
        load_limits(db, &queue, &mut occupancy).await?;
        if !occupancy.is_full(&queue) {
            let (organization, result) = (OrganizationId(row.organization_id), ResultId(row.job_result_id));
            return Ok(Some(Candidate { organization, result, queue, priority: 0 }));
        }
        known = Some(occupancy);
    }
    Ok(None)
}

/// Whether nothing runs on the node.
async fn is_idle(db: &DatabaseTransaction, claim: Claim) -> Result<bool, StoreError> {
    let own = Entity::find().filter(is_in(LeaseState::Leased)).filter(Column::Node.eq(claim.node.0));
    let own = own.select_only().column(Column::JobResultId).limit(1).into_tuple::<Uuid>();
    Ok(own.one(db).await.map_err(failed)?.is_none())
}

/// Ends the isolation of a result: others may be claimed while it runs.
async fn end(db: &DatabaseTransaction, row: &Model) -> Result<(), StoreError> {
    let one = Entity::update_many()
        .set(ActiveModel { isolated_until: Set(None), ..Default::default() })
        .filter(Column::OrganizationId.eq(row.organization_id))
        .filter(Column::JobResultId.eq(row.job_result_id));
    one.exec(db).await.map_err(failed)?;
    Ok(())
}

/// The changes of a row that waits again: isolated until a time, or ready.
pub(in crate::queue) fn isolated_until(until: Option<Instant>) -> ActiveModel {
    let state = if until.is_some() { LeaseState::Later } else { LeaseState::Ready };
    ActiveModel {
        state: Set(state.word().to_owned()),
        ready_at: Set(until.map(micros)),
        isolated_until: Set(until.map(micros)),
        node: Set(None),
        ..Default::default()
    }
}
