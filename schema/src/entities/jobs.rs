//! Jobs: the newest version of each.

use engine::model::catalogue::Pin;
use engine::model::organization::OrganizationId;
use engine::ports::StoreError;
use engine::ports::jobs::SavedJob;
use sea_orm::entity::prelude::*;
use serde_json::{Value, json};

use super::job_results::{document_of_module, module};
use crate::columns::{RowName, micros};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "jobs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
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
    pub fn of(organization: OrganizationId, saved: &SavedJob) -> Self {
        Self {
            organization_id: organization.0,
            key: saved.key.clone(),
            version: saved.version.into(),
            name: saved.name.clone(),
            document: saved.document.to_string(),
            pins: text_of_pins(&saved.pins),
            saved_at: micros(saved.saved_at),
            saved_by: saved.saved_by.clone(),
        }
    }

    pub fn read(self) -> Result<SavedJob, StoreError> {
        let row = RowName::new("jobs", &self.key);
        Ok(SavedJob {
            version: row.small("version", self.version)?,
            document: row.document("document", &self.document)?,
            pins: pins(&row, &self.pins)?,
            saved_at: row.instant("saved_at", self.saved_at)?,
            key: self.key,
            name: self.name,
            saved_by: self.saved_by,
        })
    }
}

fn text_of_pins(pins: &[Pin]) -> String {
    let items =
        pins.iter().map(|pin| json!({"requirement": pin.requirement, "module": document_of_module(&pin.module)}));
    Value::Array(items.collect()).to_string()
}

/// Reads the pinned modules of a job.
pub(super) fn pins(row: &RowName, text: &str) -> Result<Vec<Pin>, StoreError> {
    let read = |item: Value| {
        let requirement = row.member("pins", &item, "requirement")?.as_str().map(str::to_owned);
        Ok(Pin { requirement, module: module(row, "pins", row.member("pins", &item, "module")?)? })
    };
    row.array("pins", text)?.into_iter().map(read).collect()
}
