//! Which leases are still good.

use std::collections::HashMap;

use engine::ports::StoreError;
use engine::ports::queue::{Lease, LeaseError};
use sea_orm::DatabaseTransaction;
use sea_orm::prelude::*;

use crate::batch::{by_organization, pieces};
use crate::entities::leases::{Column, Entity, Model, Stands};
use crate::failed;

/// The rows of leases that are still the newest, and their results at work: a row that
/// waits, or is gone with the end of its result, is nobody's.
pub(super) struct Held(HashMap<(Uuid, Uuid), Model>);

pub(super) fn place(lease: Lease) -> (Uuid, Uuid) {
    (lease.organization.0, lease.result.0)
}

impl Held {
    pub async fn among(db: &DatabaseTransaction, leases: impl Iterator<Item = Lease>) -> Result<Self, StoreError> {
        let mut held = HashMap::new();
        for (organization, ids) in by_organization(leases.map(place)) {
            for ids in pieces(&ids) {
                let rows = Entity::find().filter(Column::OrganizationId.eq(organization));
                let rows = rows.filter(Column::JobResultId.is_in(ids.iter().copied())).all(db).await.map_err(failed)?;
                let leased = rows.into_iter().filter(|row| row.stands == Stands::Leased.word());
                held.extend(leased.map(|row| ((organization, row.job_result_id), row)));
            }
        }
        Ok(Self(held))
    }

    /// The row of a lease that is good.
    pub fn get(&self, lease: Lease) -> Result<&Model, LeaseError> {
        let row = self.0.get(&place(lease));
        row.filter(|row| row.number == i64::from(lease.number)).ok_or(LeaseError::Lost)
    }

    pub fn check(&self, lease: Lease) -> Result<(), LeaseError> {
        self.get(lease).map(drop)
    }
}
