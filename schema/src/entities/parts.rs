//! Sets of records of a job result, in parts.

use engine::model::organization::OrganizationId;
use engine::model::result::ResultId;
use engine::ports::StoreError;
use engine::ports::parts::{Part, PartKind};
use sea_orm::entity::prelude::*;

use crate::columns::{RowName, of_result, text_of_array};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "parts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub job_result_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub line_no: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub part: i64,
    pub records: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn of(organization: OrganizationId, result: ResultId, part: &Part) -> Result<Self, StoreError> {
        Ok(Self {
            organization_id: organization.0,
            job_result_id: result.0,
            line_no: part.line_no.into(),
            kind: part.kind.word().to_owned(),
            part: part.part.into(),
            records: text_of_array(&part.records)?,
        })
    }

    pub fn read(self) -> Result<Part, StoreError> {
        let row = RowName::new("parts", of_result(self.job_result_id, self.line_no));
        Ok(Part {
            line_no: row.small("line_no", self.line_no)?,
            kind: row.word("kind", &self.kind, PartKind::from_word)?,
            part: row.small("part", self.part)?,
            records: row.array("records", &self.records)?,
        })
    }
}

/// The words of the kinds that are stored only for a restart or a retry.
pub(crate) fn temporary() -> impl Iterator<Item = &'static str> {
    PartKind::ALL.into_iter().filter(|kind| !kind.is_kept()).map(PartKind::word)
}
