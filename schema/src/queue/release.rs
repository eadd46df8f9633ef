//! Handing back: a result that was claimed waits again, and the claim does not count.

use engine::ports::StoreError;
use engine::ports::queue::{Crashes, Lease, LeaseError, NodeId};
use sea_orm::DatabaseTransaction;
use sea_orm::prelude::*;
use sea_orm::sea_query::ExprTrait;

use super::claim::isolated_until;
use super::held::Held;
use crate::entities::leases::Stands;
use crate::entities::{job_results, leases};
use crate::failed;
use crate::writer::{Change, Single};

pub(super) struct Release {
    pub lease: Lease,
}

impl Change for Release {
    type Answer = Result<(), LeaseError>;
    const DURABLE: bool = true;

    async fn apply(changes: &[&Self], db: &DatabaseTransaction) -> Result<Vec<Self::Answer>, StoreError> {
        let mut answers = Vec::with_capacity(changes.len());
        for change in changes {
            // Each for itself, so that of two that hand back one result the first is the one that counts.
            let held = Held::among(db, [change.lease].into_iter()).await?;
            let answer = held.check(change.lease);
            if answer.is_ok() {
                change.hand_back(db).await?;
            }
            answers.push(answer);
        }
        Ok(answers)
    }
}

/// Hands back what a node holds besides what it works on.
pub(super) struct ReleaseOthers {
    pub node: NodeId,
    pub at_work: Vec<Lease>,
}

impl Single for ReleaseOthers {
    type Answer = u64;
    const DURABLE: bool = true;

    async fn apply(&self, db: &DatabaseTransaction) -> Result<u64, StoreError> {
        let held = leases::Entity::find().filter(Stands::Leased.holds());
        let held = held.filter(leases::Column::Node.eq(self.node.0)).all(db).await.map_err(failed)?;
        let mut released = 0;
        for row in held {
            let lease = row.lease(row.number)?;
            if !self.at_work.contains(&lease) {
                Release { lease }.hand_back(db).await?;
                released += 1;
            }
        }
        Ok(released)
    }
}

impl Release {
    async fn hand_back(&self, db: &DatabaseTransaction) -> Result<(), StoreError> {
        let (organization, result) = (self.lease.organization.0, self.lease.result.0);
        let ready = isolated_until(None).with_crashes(Crashes::default());
        let row = leases::Entity::update_many()
            .set(ready)
            .filter(leases::Column::OrganizationId.eq(organization))
            .filter(leases::Column::JobResultId.eq(result));
        row.exec(db).await.map_err(failed)?;
        let row = job_results::Entity::update_many()
            .col_expr(job_results::Column::Attempt, Expr::col(job_results::Column::Attempt).sub(1))
            .filter(job_results::Column::OrganizationId.eq(organization))
            .filter(job_results::Column::Id.eq(result));
        row.exec(db).await.map_err(failed)?;
        Ok(())
    }
}
