//! Installed modules. The metadata of a component is one document.

use std::collections::BTreeSet;

use engine::model::action::{ActionSpec, Intake};
use engine::model::grant::Capability;
use engine::model::module::{Installed, ModuleInfo, Owner};
use engine::ports::StoreError;
use sea_orm::entity::prelude::*;
use serde_json::{Value, json};

use crate::columns::{RowName, micros};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "modules")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub holder: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: String,
    pub organization_id: Option<Uuid>,
    pub digest: String,
    pub document: String,
    pub installed_at: i64,
    pub installed_by: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row of a module of this organization; without one, of a global module.
    pub fn of(organization: Option<Uuid>, module: &Installed) -> Self {
        let Installed { info, installed_at, installed_by, .. } = module;
        Self {
            holder: organization.unwrap_or(Uuid::nil()),
            organization_id: organization,
            key: info.key.clone(),
            version: info.version.to_string(),
            digest: info.digest.clone(),
            document: document(info).to_string(),
            installed_at: installed_at.map_or(0, micros),
            installed_by: installed_by.clone(),
        }
    }

    pub fn read(self) -> Result<Installed, StoreError> {
        let row = RowName::new("modules", format!("{}@{}", self.key, self.version));
        let document = row.document("document", &self.document)?;
        let text = |name: &str| document[name].as_str().map(str::to_owned);
        let info = ModuleInfo {
            version: row.word("version", &self.version, |text| text.parse().ok())?,
            size: document["size"].as_u64().unwrap_or_default(),
            description: text("description"),
            authors: text("authors"),
            licence: text("licence"),
            capabilities: capabilities(&row, &document)?,
            actions: actions(&row, &self.key, &document)?,
            key: self.key,
            digest: self.digest,
        };
        let owner = if self.organization_id.is_some() { Owner::Organization } else { Owner::Global };
        let installed_at = Some(row.instant("installed_at", self.installed_at)?);
        Ok(Installed { info, owner, installed_at, installed_by: self.installed_by })
    }
}

fn document(info: &ModuleInfo) -> Value {
    let action = |spec: &ActionSpec| {
        json!({
            "name": spec.name,
            "title": spec.title,
            "summary": spec.summary,
            "parameters": spec.parameters,
            "intake": spec.intake.word(),
        })
    };
    json!({
        "size": info.size,
        "description": info.description,
        "authors": info.authors,
        "licence": info.licence,
        "capabilities": info.capabilities.iter().map(|capability| capability.word()).collect::<Vec<_>>(),
        "actions": info.actions.iter().map(action).collect::<Vec<_>>(),
    })
}

fn list<'a>(row: &RowName, document: &'a Value, name: &str) -> Result<&'a Vec<Value>, StoreError> {
    let list = row.member("document", document, name)?.as_array();
    list.ok_or_else(|| row.unreadable("document", format!("`{name}` is not a list")))
}

fn capabilities(row: &RowName, document: &Value) -> Result<BTreeSet<Capability>, StoreError> {
    let words = list(row, document, "capabilities")?.iter().map(|word| word.as_str().unwrap_or_default());
    words.map(|word| row.word("document", word, Capability::from_word)).collect()
}

fn actions(row: &RowName, module: &str, document: &Value) -> Result<Vec<ActionSpec>, StoreError> {
    let read = |item: &Value| {
        let text = |name| row.text_member("document", item, name);
        Ok(ActionSpec {
            module: module.to_owned(),
            name: text("name")?,
            title: text("title")?,
            summary: text("summary")?,
            parameters: row.member("document", item, "parameters")?.clone(),
            intake: row.word("document", &text("intake")?, Intake::from_word)?,
        })
    };
    list(row, document, "actions")?.iter().map(read).collect()
}
