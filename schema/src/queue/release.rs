//! Releases claimed results: they wait again, and the claim does not count as an attempt.

use engine::model::lifecycle::isolation::Crashes;
use engine::ports::StoreError;
use engine::ports::queue::{Lease, LeaseError, NodeId};
use sea_orm::prelude::*;
use sea_orm::sea_query::ExprTrait;

use crate::entities::job_results;
use crate::failed;
use crate::transaction::Transaction;
use crate::writer::{Command, SingleCommand};

pub(super) struct Release {
    pub lease: Lease,
}

impl Command for Release {
    type Answer = Result<(), LeaseError>;
    const DURABLE: bool = true;

    async fn apply(commands: &[&Self], db: &Transaction) -> Result<Vec<Self::Answer>, StoreError> {
        let mut answers = Vec::with_capacity(commands.len());
        for command in commands {
            // Only the first of two releases of a result counts.
            let answer = db.leases().check(command.lease);
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

    async fn apply(&self, db: &Transaction) -> Result<u64, StoreError> {
        let held: Vec<_> = db.leases().leased().filter(|row| row.node == Some(self.node.0)).cloned().collect();
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
    async fn put_back(&self, db: &Transaction) -> Result<(), StoreError> {
        let (organization, result) = (self.lease.organization.0, self.lease.result.0);
        db.leases().change((organization, result), |row| row.put_back(None, Crashes::default()));
        let row = job_results::Entity::update_many()
            .col_expr(job_results::Column::Attempt, Expr::col(job_results::Column::Attempt).sub(1))
            .filter(job_results::Column::OrganizationId.eq(organization))
            .filter(job_results::Column::Id.eq(result));
        row.exec(db).await.map_err(failed)?;
        Ok(())
    }
}
