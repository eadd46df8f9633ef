//! The adapter of the port `GrantBook`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use engine::model::grant::Grants;
use engine::model::organization::{OrgScope, OrganizationId};
use engine::ports::StoreError;
use engine::ports::modules::GrantBook;
use sea_orm::IntoActiveModel;
use sea_orm::prelude::*;
use sea_orm::sea_query::OnConflict;

use crate::columns::RowName;
use crate::entities::module_grants::{Column, Entity, Model};
use crate::memory::Memory;
use crate::transaction::Transaction;
use crate::writer::SingleCommand;
use crate::{Store, failed};

#[async_trait]
impl GrantBook for Store {
    async fn grants(&self, scope: OrgScope) -> Result<BTreeMap<String, Grants>, StoreError> {
        let organization = scope.organization();
        let read_all = async || {
            let own = Entity::find().filter(Column::OrganizationId.eq(organization.0));
            let rows = own.all(&self.readers).await.map_err(failed)?;
            rows.into_iter().map(read).collect()
        };
        self.memory.grants.read(organization, read_all).await
    }

    async fn grant(&self, scope: OrgScope, module: &str, grants: &Grants) -> Result<(), StoreError> {
        let row = Model {
            organization_id: scope.organization().0,
            module_key: module.to_owned(),
            document: grants.document().to_string(),
        };
        self.writer.write_one(Grant(row)).await
    }
}

fn read(row: Model) -> Result<(String, Grants), StoreError> {
    let name = RowName::new("module_grants", &row.module_key);
    let document = name.document("document", &row.document)?;
    let grants = Grants::read(&document);
    let grants = grants.map_err(|faults| {
        let messages: Vec<_> = faults.iter().map(ToString::to_string).collect();
        name.unreadable("document", messages.join("; "))
    })?;
    Ok((row.module_key, grants))
}

struct Grant(Model);

impl SingleCommand for Grant {
    type Answer = ();
    const DURABLE: bool = true;

    async fn apply(&self, db: &Transaction) -> Result<(), StoreError> {
        let replaced =
            OnConflict::columns([Column::OrganizationId, Column::ModuleKey]).update_column(Column::Document).to_owned();
        let row = Entity::insert(self.0.clone().into_active_model().reset_all()).on_conflict(replaced);
        row.exec_without_returning(db).await.map_err(failed)?;
        Ok(())
    }

    fn committed(&self, (): &(), memory: &Memory) {
        memory.grants.forget(&OrganizationId(self.0.organization_id));
    }
}
