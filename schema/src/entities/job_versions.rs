//! All versions of all jobs, including the newest ones.

use engine::ports::StoreError;
use engine::ports::jobs::SavedJob;
use sea_orm::entity::prelude::*;

use super::jobs::{self, pins};
use crate::columns::RowName;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "job_versions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub job_key: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i64,
    pub name: String,
    pub document: String,
    pub pins: String,
    pub saved_at: i64,
    pub saved_by: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The version that a job has now.
    pub fn of(newest: jobs::Model) -> Self {
        Self {
            organization_id: newest.organization_id,
            job_key: newest.key,
            version: newest.version,
            name: newest.name,
            document: newest.document,
            pins: newest.pins,
            saved_at: newest.saved_at,
            saved_by: newest.saved_by,
        }
    }

    pub fn read(self) -> Result<SavedJob, StoreError> {
        let row = RowName::new("job_versions", format!("{} version {}", self.job_key, self.version));
        Ok(SavedJob {
            version: row.small("version", self.version)?,
            document: row.document("document", &self.document)?,
            pins: pins(&row, &self.pins)?,
            saved_at: row.instant("saved_at", self.saved_at)?,
            key: self.job_key,
            name: self.name,
            saved_by: self.saved_by,
        })
    }
}
