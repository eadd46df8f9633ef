//! Claims results for a node: they are chosen fairly, and become running in batches.

mod batch;
mod due;
mod isolated;
mod lanes;
mod resume;

use std::collections::HashMap;

use engine::model::fairness::{Candidate, Occupancy, QueueName, choose};
use engine::model::lifecycle::isolation::Isolation;
use engine::model::lifecycle::lease_state::LeaseState;
use engine::model::organization::OrganizationId;
use engine::ports::StoreError;
use engine::ports::queue::{Claim, Claimed, Claims};
use sea_orm::prelude::*;
use sea_orm::{ConnectionTrait, DatabaseTransaction, QuerySelect};

use crate::batch::{by_organization, pieces};
use crate::entities::leases::{Column, Entity, is_in};
use crate::entities::queues;
use crate::writer::SingleCommand;
use crate::{failed, unavailable};
use batch::Batch;
pub(super) use due::EndWait;
pub(super) use isolated::isolated_until;
use isolated::isolation;

pub(super) struct ClaimResults {
    pub claim: Claim,
    /// The organization that this node served last.
    pub last_served: Option<OrganizationId>,
}

impl SingleCommand for ClaimResults {
    type Answer = Claims;
    const DURABLE: bool = false;

    async fn apply(&self, db: &DatabaseTransaction) -> Result<Claims, StoreError> {
        let mut next_due = due::wake(db, self.claim.now).await?;
        loop {
            let isolation = isolation(db, self.claim).await?;
            let isolated = !matches!(isolation, Isolation::Nothing);
            let claimed = match isolation {
                Isolation::AtWork(until) => {
                    next_due = Some(next_due.map_or(until, |due| due.min(until)));
                    Vec::new()
                }
                Isolation::Next(candidate) => match self.take(db, vec![candidate]).await? {
                    // It could not be read and was ended, so the next one is chosen.
                    claimed if claimed.is_empty() => continue,
                    claimed => claimed,
                },
                Isolation::WaitsForIdle | Isolation::Nothing => self.take(db, self.choose(db).await?).await?,
            };
            return Ok(Claims { claimed, next_due, isolated });
        }
    }
}

impl ClaimResults {
    async fn take(&self, db: &DatabaseTransaction, chosen: Vec<Candidate>) -> Result<Vec<Claimed>, StoreError> {
        let ids = chosen.iter().map(|candidate| (candidate.organization.0, candidate.result.0));
        let mut claimed = HashMap::new();
        for (organization, ids) in by_organization(ids) {
            for ids in pieces(&ids) {
                let batch = Batch { organization, claim: self.claim };
                claimed.extend(batch.take(db, ids).await?);
            }
        }
        let in_order =
            chosen.iter().filter_map(|candidate| claimed.remove(&(candidate.organization, candidate.result)));
        Ok(in_order.collect())
    }

    async fn choose(&self, db: &DatabaseTransaction) -> Result<Vec<Candidate>, StoreError> {
        let capacity = self.claim.bounded_capacity();
        if capacity.slots == 0 && capacity.spare == 0 {
            return Ok(Vec::new());
        }
        let Some(lanes) = lanes::Lanes::first(db, capacity, self.last_served).await? else { return Ok(Vec::new()) };
        let mut at_work = occupancy(db).await?;
        at_work.last_served = self.last_served;
        let candidates = lanes.candidates(db, &mut at_work).await?;
        Ok(choose(candidates, &mut at_work, capacity))
    }
}

/// The running results by organization and queue. The index holds no more rows than there are workers.
pub(crate) async fn occupancy<Db: ConnectionTrait>(db: &Db) -> Result<Occupancy, StoreError> {
    use Column::{JobResultId, Queue, QueueHolder};
    let counted = Entity::find()
        .select_only()
        .columns([Column::OrganizationId, QueueHolder, Queue])
        .column_as(JobResultId.count(), "at_work")
        .filter(is_in(LeaseState::Leased))
        .group_by(Column::OrganizationId)
        .group_by(QueueHolder)
        .group_by(Queue);
    let rows: Vec<(Uuid, Uuid, String, i64)> = counted.into_tuple().all(db).await.map_err(failed)?;
    let mut at_work = Occupancy::default();
    for (organization, holder, key, count) in rows {
        let count = u32::try_from(count).map_err(unavailable)?;
        at_work.add(OrganizationId(organization), &QueueName { holder, key }, count);
    }
    Ok(at_work)
}

/// Adds the limits of a queue to the occupancy.
pub(crate) async fn learn_limits<Db: ConnectionTrait>(
    db: &Db,
    queue: &QueueName,
    at_work: &mut Occupancy,
) -> Result<(), StoreError> {
    for name in queue.and_shared() {
        let row = queues::Entity::find_by_id((name.holder, name.key.clone())).one(db).await.map_err(failed)?;
        let limit = row.map(|row| row.limit()).transpose()?.flatten();
        at_work.limits.extend(limit.map(|limit| (name, limit)));
    }
    Ok(())
}
