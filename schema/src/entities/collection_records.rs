//! The records of collections, as JSON text.

use engine::model::collection::Entry;
use engine::model::organization::OrganizationId;
use engine::ports::StoreError;
use sea_orm::entity::prelude::*;
use serde_json::Value;

use crate::columns::RowName;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "collection_records")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub collection: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// Always exactly as `serde_json` writes it, since conditions compare it as text.
    pub data: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn of(organization: OrganizationId, collection: &str, key: &str, data: &Value) -> Self {
        let (collection, key) = (collection.to_owned(), key.to_owned());
        Self { organization_id: organization.0, collection, key, data: data.to_string() }
    }

    pub fn read(self) -> Result<Entry, StoreError> {
        let row = RowName::new("collection_records", format!("{} in {}", self.key, self.collection));
        Ok(Entry { data: row.document("data", &self.data)?, key: self.key })
    }
}
