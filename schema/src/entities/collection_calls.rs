//! The outcomes of calls that must run only once. A row is removed with its job result.

use engine::model::collection::Written;
use engine::model::organization::OrganizationId;
use engine::ports::StoreError;
use engine::ports::collections::Once;
use sea_orm::entity::prelude::*;
use serde_json::{Value, json};

use crate::columns::RowName;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "collection_calls")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub job_result_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub call: String,
    pub outcome: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn of(organization: OrganizationId, once: &Once, written: &Written) -> Self {
        let refused = written.refused.iter().map(|(index, reason)| json!({"index": index, "reason": reason}));
        let outcome = json!({
            "inserted": written.inserted,
            "updated": written.updated,
            "deleted": written.deleted,
            "unchanged": written.unchanged,
            "refused": refused.collect::<Vec<_>>(),
        });
        Self {
            organization_id: organization.0,
            job_result_id: once.result.0,
            call: once.call.clone(),
            outcome: outcome.to_string(),
        }
    }

    pub fn read(self) -> Result<Written, StoreError> {
        let row = RowName::new("collection_calls", format!("{} call {}", self.job_result_id, self.call));
        let outcome = row.document("outcome", &self.outcome)?;
        let count = |name| count(&row, &outcome, name);
        let read = |item: &Value| Ok((self::count(&row, item, "index")?, row.text_member("outcome", item, "reason")?));
        let refused = row.member("outcome", &outcome, "refused")?.as_array();
        let refused = refused.ok_or_else(|| row.unreadable("outcome", "`refused` is not a list"))?;
        Ok(Written {
            inserted: count("inserted")?,
            updated: count("updated")?,
            deleted: count("deleted")?,
            unchanged: count("unchanged")?,
            refused: refused.iter().map(read).collect::<Result<_, StoreError>>()?,
        })
    }
}

fn count(row: &RowName, object: &Value, name: &str) -> Result<u32, StoreError> {
    let count = row.member("outcome", object, name)?.as_i64();
    row.small("outcome", count.ok_or_else(|| row.unreadable("outcome", format!("`{name}` is not a count")))?)
}
