//! Leases: one row for each job result that has not ended.

use engine::model::organization::OrganizationId;
use engine::model::result::ResultId;
use engine::ports::StoreError;
use engine::ports::queue::Lease;
use sea_orm::entity::prelude::*;

use crate::columns::Place;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "leases")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub job_result_id: Uuid,
    pub number: i64,
    pub waiting: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Of a result that nobody has claimed.
    pub fn new(organization: OrganizationId, result: ResultId) -> Self {
        Self { organization_id: organization.0, job_result_id: result.0, number: 0, waiting: true }
    }

    /// The lease that a claim hands out.
    pub fn claimed(&self) -> Result<Lease, StoreError> {
        let number = Place::new("leases", self.job_result_id).small("number", self.number + 1)?;
        Ok(Lease { organization: OrganizationId(self.organization_id), result: ResultId(self.job_result_id), number })
    }
}
