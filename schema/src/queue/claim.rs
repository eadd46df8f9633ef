//! Claiming: those whose turn it is become running, in batches.

mod batch;
mod due;
mod isolated;
mod lanes;
mod resume;

use std::collections::{BTreeMap, HashMap};

use engine::model::organization::OrganizationId;
use engine::model::turn::{Candidate, Occupancy, QueueName, choose};
use engine::ports::StoreError;
use engine::ports::queue::{Claim, Claimed, Claims};
use sea_orm::prelude::*;
use sea_orm::{ConnectionTrait, DatabaseTransaction, QuerySelect};

use crate::batch::pieces;
use crate::entities::leases::{Column, Entity, Stands};
use crate::entities::queues;
use crate::writer::Single;
use crate::{failed, unavailable};
use batch::Batch;
pub(super) use due::EndWait;
pub(super) use isolated::isolated_until;
use isolated::{Isolation, isolation};

pub(super) struct Take {
    pub claim: Claim,
    /// The organization that this node served last.
    pub last_served: Option<OrganizationId>,
}

impl Single for Take {
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
                Isolation::Next(one) => match self.take(db, vec![one]).await? {
                    // It could not be read and was ended, so the next is looked for.
                    none if none.is_empty() => continue,
                    one => one,
                },
                Isolation::WaitsForIdle | Isolation::Nothing => self.take(db, self.choose(db).await?).await?,
            };
            return Ok(Claims { claimed, next_due, isolated });
        }
    }
}

impl Take {
    async fn take(&self, db: &DatabaseTransaction, chosen: Vec<Candidate>) -> Result<Vec<Claimed>, StoreError> {
        let mut by_organization: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
        for one in &chosen {
            by_organization.entry(one.organization.0).or_default().push(one.result.0);
        }
        let mut claimed = HashMap::new();
        for (organization, ids) in by_organization {
            for ids in pieces(&ids) {
                let batch = Batch { organization, claim: self.claim };
                claimed.extend(batch.take(db, ids).await?);
            }
        }
        let in_turn = chosen.iter().filter_map(|one| claimed.remove(&(one.organization, one.result)));
        Ok(in_turn.collect())
    }

    async fn choose(&self, db: &DatabaseTransaction) -> Result<Vec<Candidate>, StoreError> {
        let room = self.claim.bounded_room();
        if room.slots == 0 && room.spare == 0 {
            return Ok(Vec::new());
        }
        let Some(lanes) = lanes::Lanes::first(db, room, self.last_served).await? else { return Ok(Vec::new()) };
        let mut at_work = occupancy(db).await?;
        at_work.last_served = self.last_served;
        let candidates = lanes.candidates(db, &mut at_work).await?;
        Ok(choose(candidates, &mut at_work, room))
    }
}

/// What is at work. The index holds no more rows than there are workers.
pub(crate) async fn occupancy<Db: ConnectionTrait>(db: &Db) -> Result<Occupancy, StoreError> {
    use Column::{JobResultId, Queue, QueueHolder};
    let counted = Entity::find()
        .select_only()
        .columns([Column::OrganizationId, QueueHolder, Queue])
        .column_as(JobResultId.count(), "at_work")
        .filter(Stands::Leased.holds())
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

/// Fills in the limits that hold for a queue.
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
