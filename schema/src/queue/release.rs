//! Releases claimed results: they wait again, and the claim does not count as an attempt.

use crate::entities::leases::is_in;
use engine::model::lifecycle::isolation::Crashes;
use engine::model::lifecycle::lease_state::LeaseState;
use engine::ports::StoreError;
use engine::ports::queue::{Lease, LeaseError, NodeId};
use sea_orm::DatabaseTransaction;
use sea_orm::prelude::*;
use sea_orm::sea_query::ExprTrait;

use super::claim::isolated_until;
use super::lease_guard::LeaseGuard;
use crate::entities::{job_results, leases};
use crate::failed;
use crate::writer::{Command, SingleCommand};

pub(super) struct Release {
    pub lease: Lease,
}

impl Command for Release {
    type Answer = Result<(), LeaseError>;
    const DURABLE: bool = true;

    async fn apply(commands: &[&Self], db: &DatabaseTransaction) -> Result<Vec<Self::Answer>, StoreError> {
        let mut answers = Vec::with_capacity(commands.len());
        for command in commands {
            // One at a time, so that only the first of two releases of a result counts.
            let guard = LeaseGuard::among(db, [command.lease].into_iter()).await?;
            let answer = guard.check(command.lease);
            if answer.is_ok() {
                command.put_back(db).await?;
            }
            answers.push(answer);
        }
        Ok(answers)
    }
}

/// Releases the results that a node holds but does not work on.
pub(super) struct ReleaseOthers {
    pub node: NodeId,
    pub running: Vec<Lease>,
}

impl SingleCommand for ReleaseOthers {
    type Answer = u64;
    const DURABLE: bool = true;

    async fn apply(&self, db: &DatabaseTransaction) -> Result<u64, StoreError> {
        let held = leases::Entity::find().filter(is_in(LeaseState::Leased));
        let held = held.filter(leases::Column::Node.eq(self.node.0)).all(db).await.map_err(failed)?;
        let mut released = 0;
        for row in held {
            let lease = row.lease(row.number)?;
            if !self.running.contains(&lease) {
                Release { lease }.put_back(db).await?;
                released += 1;
            }
        }
        Ok(released)
    }
}

impl Release {
    async fn put_back(&self, db: &DatabaseTransaction) -> Result<(), StoreError> {
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
