//! Checks which leases are still valid.

use std::collections::HashMap;

use engine::model::lifecycle::lease_state::LeaseState;
use engine::ports::StoreError;
use engine::ports::queue::{Lease, LeaseError};
use sea_orm::DatabaseTransaction;
use sea_orm::prelude::*;

use crate::batch::{by_organization, pieces};
use crate::entities::leases::{Column, Entity, Model};
use crate::failed;

/// The rows of leases that a worker holds. A row that waits belongs to no worker, and the end of a result deletes its
/// row.
pub(super) struct LeaseGuard(HashMap<(Uuid, Uuid), Model>);

/// The organization and the id of the result of a lease.
pub(super) fn result_of(lease: Lease) -> (Uuid, Uuid) {
    (lease.organization.0, lease.result.0)
}

impl LeaseGuard {
    pub async fn among(db: &DatabaseTransaction, leases: impl Iterator<Item = Lease>) -> Result<Self, StoreError> {
        let mut guard = HashMap::new();
        for (organization, ids) in by_organization(leases.map(result_of)) {
            for ids in pieces(&ids) {
                let rows = Entity::find().filter(Column::OrganizationId.eq(organization));
                let rows = rows.filter(Column::JobResultId.is_in(ids.iter().copied())).all(db).await.map_err(failed)?;
                let leased = rows.into_iter().filter(|row| row.state == LeaseState::Leased.word());
                guard.extend(leased.map(|row| ((organization, row.job_result_id), row)));
            }
        }
        Ok(Self(guard))
    }

    /// The row of a valid lease.
    pub fn get(&self, lease: Lease) -> Result<&Model, LeaseError> {
        let row = self.0.get(&result_of(lease));
        row.filter(|row| row.number == i64::from(lease.number)).ok_or(LeaseError::Lost)
    }

    pub fn check(&self, lease: Lease) -> Result<(), LeaseError> {
        self.get(lease).map(drop)
    }
}
