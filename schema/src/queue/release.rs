//! Handing back: a result that was claimed waits again, and the claim does not count.

use engine::ports::StoreError;
use engine::ports::queue::{Lease, LeaseError};
use sea_orm::DatabaseTransaction;
use sea_orm::prelude::*;
use sea_orm::sea_query::ExprTrait;

use super::Held;
use crate::entities::{job_results, leases};
use crate::failed;
use crate::writer::Change;

pub(super) struct Release {
    pub lease: Lease,
}

impl Change for Release {
    type Answer = Result<(), LeaseError>;
    const DURABLE: bool = true;

    async fn apply(changes: &[&Self], db: &DatabaseTransaction) -> Result<Vec<Self::Answer>, StoreError> {
        let held = Held::among(db, changes.iter().map(|change| change.lease)).await?;
        for change in changes.iter().filter(|change| held.check(change.lease).is_ok()) {
            change.hand_back(db).await?;
        }
        Ok(changes.iter().map(|change| held.check(change.lease)).collect())
    }
}

impl Release {
    async fn hand_back(&self, db: &DatabaseTransaction) -> Result<(), StoreError> {
        let (organization, result) = (self.lease.organization.0, self.lease.result.0);
        let row = leases::Entity::update_many()
            .col_expr(leases::Column::Waiting, Expr::val(true))
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
