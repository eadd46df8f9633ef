//! All versions of all filter templates, including the newest ones.

use engine::model::template_version::TemplateVersion;
use engine::ports::StoreError;
use engine::ports::templates::SavedTemplate;
use sea_orm::entity::prelude::*;

use super::filter_templates::{self, owner};
use crate::columns::RowName;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "filter_template_versions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub holder: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub template_key: String,
    #[sea_orm(primary_key, auto_increment = false)]
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
    /// The version that a template has now.
    pub fn of(newest: filter_templates::Model) -> Self {
        Self {
            holder: newest.holder,
            template_key: newest.key,
            version: newest.version,
            name: newest.name,
            document: newest.document,
            saved_at: newest.saved_at,
            saved_by: newest.saved_by,
        }
    }

    pub fn read(self) -> Result<SavedTemplate, StoreError> {
        let row = RowName::new("filter_template_versions", format!("{} version {}", self.template_key, self.version));
        Ok(SavedTemplate {
            owner: owner(self.holder),
            document: row.document("document", &self.document)?,
            saved_at: row.instant("saved_at", self.saved_at)?,
            named: TemplateVersion { version: row.small("version", self.version)?, key: self.template_key },
            name: self.name,
            saved_by: self.saved_by,
        })
    }
}
