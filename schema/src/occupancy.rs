//! How many results run, by organization and queue, and the limits of the queues.

use engine::model::fairness::{Occupancy, QueueName};
use engine::model::lifecycle::lease_state::LeaseState;
use engine::model::organization::OrganizationId;
use engine::ports::StoreError;
use sea_orm::QuerySelect;
use sea_orm::prelude::*;

use crate::entities::leases::{Column, Entity, is_in};
use crate::entities::queues;
use crate::{failed, unavailable};

/// The running results by organization and queue. The index holds only a few rows for each slot of a worker.
pub(crate) async fn occupancy(db: &DatabaseConnection) -> Result<Occupancy, StoreError> {
    use Column::{JobResultId, Queue, QueueHolder};
    let counted = Entity::find()
        .select_only()
        .columns([Column::OrganizationId, QueueHolder, Queue])
        .column_as(JobResultId.count(), "running")
        .filter(is_in(LeaseState::Leased))
        .group_by(Column::OrganizationId)
        .group_by(QueueHolder)
        .group_by(Queue);
    let rows: Vec<(Uuid, Uuid, String, i64)> = counted.into_tuple().all(db).await.map_err(failed)?;
    let mut occupancy = Occupancy::default();
    for (organization, holder, key, count) in rows {
        let count = u32::try_from(count).map_err(unavailable)?;
        occupancy.add(OrganizationId(organization), &QueueName { holder, key }, count);
    }
    Ok(occupancy)
}

/// Adds the limits of a queue to the occupancy.
pub(crate) async fn load_limits(
    db: &DatabaseConnection,
    queue: &QueueName,
    occupancy: &mut Occupancy,
) -> Result<(), StoreError> {
    for name in queue.and_shared() {
        let row = queues::Entity::find_by_id((name.holder, name.key.clone())).one(db).await.map_err(failed)?;
        let limit = row.map(|row| row.limit()).transpose()?.flatten();
        occupancy.limits.extend(limit.map(|limit| (name, limit)));
    }
    Ok(())
}
