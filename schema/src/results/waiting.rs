//! Finds what results wait for.

use engine::model::fairness::Occupancy;
use engine::model::lifecycle::lease_state::LeaseState;
use engine::model::lifecycle::waiting::{Lease, Waiting};
use engine::model::organization::OrganizationId;
use engine::model::result::ResultId;
use engine::ports::StoreError;
use sea_orm::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};

use crate::batch::pieces;
use crate::entities::leases::{self, is_ahead};
use crate::failed;
use crate::occupancy::{load_limits, occupancy};

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
    let mut occupancy = occupancy(db).await?;
    let mut found = Vec::with_capacity(rows.len());
    for id in ids {
        let Some(row) = rows.iter().find(|row| row.job_result_id == id) else { continue };
        found.extend(reason(db, row, &mut occupancy).await?.map(|reason| (ResultId(id), reason)));
    }
    Ok(found)
}

async fn reason(
    db: &DatabaseConnection,
    row: &leases::Model,
    occupancy: &mut Occupancy,
) -> Result<Option<Waiting>, StoreError> {
    let state = row.state()?;
    let ahead = if state == LeaseState::Behind { first_ahead(db, row).await? } else { None };
    let queue = row.queue_name();
    if state == LeaseState::Ready {
        load_limits(db, &queue, occupancy).await?;
    }
    let lease = Lease {
        state,
        until: row.row_name().maybe_instant("ready_at", row.ready_at)?,
        isolated: row.isolated_until.is_some(),
        ahead,
        full: occupancy.reached(&queue).map(|limit| (queue.key.as_str(), limit)),
    };
    Ok(lease.waits_for())
}

/// The oldest result of the job of a lease that others wait for.
async fn first_ahead(db: &DatabaseConnection, row: &leases::Model) -> Result<Option<ResultId>, StoreError> {
    use leases::Column::{JobKey, JobResultId, OrganizationId};
    let ahead = leases::Entity::find()
        .filter(OrganizationId.eq(row.organization_id))
        .filter(JobKey.eq(&row.job_key))
        .filter(is_ahead())
        .order_by_asc(JobResultId)
        .limit(1);
    let first = ahead.select_only().column(JobResultId).into_tuple().one(db).await.map_err(failed)?;
    Ok(first.map(ResultId))
}
