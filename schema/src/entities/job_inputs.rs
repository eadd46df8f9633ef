//! The records of starts. A start without records has no row.

use engine::model::organization::OrganizationId;
use engine::model::record::Records;
use engine::model::result::ResultId;
use engine::ports::StoreError;
use sea_orm::entity::prelude::*;

use crate::columns::{RowName, text_of_array};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "job_inputs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub job_result_id: Uuid,
    pub records: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn of(organization: OrganizationId, result: ResultId, records: &Records) -> Result<Self, StoreError> {
        Ok(Self { organization_id: organization.0, job_result_id: result.0, records: text_of_array(records)? })
    }

    pub fn read(self) -> Result<Records, StoreError> {
        RowName::new("job_inputs", self.job_result_id).array("records", &self.records)
    }
}
