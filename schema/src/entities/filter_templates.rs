//! Filter templates: the newest version of each.

use engine::model::module::Owner;
use engine::model::template_version::TemplateVersion;
use engine::ports::StoreError;
use engine::ports::templates::SavedTemplate;
use sea_orm::entity::prelude::*;

use crate::columns::{RowName, micros};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "filter_templates")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub holder: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    pub organization_id: Option<Uuid>,
    pub version: i64,
    pub name: String,
    pub document: String,
    pub saved_at: i64,
    pub saved_by: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row of a template of this organization; without one, of a global template.
    pub fn of(organization: Option<Uuid>, saved: &SavedTemplate) -> Self {
        Self {
            holder: organization.unwrap_or(Uuid::nil()),
            key: saved.named.key.clone(),
            organization_id: organization,
            version: saved.named.version.into(),
            name: saved.name.clone(),
            document: saved.document.to_string(),
            saved_at: micros(saved.saved_at),
            saved_by: saved.saved_by.clone(),
        }
    }

    pub fn read(self) -> Result<SavedTemplate, StoreError> {
        let row = RowName::new("filter_templates", &self.key);
        Ok(SavedTemplate {
            owner: owner(self.holder),
            document: row.document("document", &self.document)?,
            saved_at: row.instant("saved_at", self.saved_at)?,
            named: TemplateVersion { version: row.small("version", self.version)?, key: self.key },
            name: self.name,
            saved_by: self.saved_by,
        })
    }
}

/// The owner that a holder stands for.
pub(super) fn owner(holder: Uuid) -> Owner {
    if holder.is_nil() { Owner::Global } else { Owner::Organization }
}
