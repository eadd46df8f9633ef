//! Finds what results wait for.

use engine::model::fairness::Occupancy;
use engine::model::lifecycle::lease_state::LeaseState;
use engine::model::lifecycle::waiting::{Lease, Waiting};
use engine::model::organization::OrganizationId;
use engine::model::result::ResultId;
use engine::ports::StoreError;
use sea_orm::prelude::*;

use super::unfinished::unfinished;
use crate::batch::pieces;
use crate::entities::leases;
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
    let ahead = if state == LeaseState::Behind {
        let job = [row.job_key.clone()];
        unfinished(db, row.organization_id, &job).await?.remove(&row.job_key).and_then(|oldest| oldest.ahead)
    } else {
        None
    };
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
