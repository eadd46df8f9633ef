//! The adapters of the ports `Modules`, `GrantBook` and `Uploads`.

mod grants;
mod remove;
mod uploads;

use std::sync::Arc;

use async_trait::async_trait;
use engine::model::module::{Installed, Owner};
use engine::model::organization::OrgScope;
use engine::model::refusal::JobUse;
use engine::ports::StoreError;
use engine::ports::modules::{InstallError, Modules, RemoveError};
use sea_orm::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{Condition, IntoActiveModel, QueryOrder, QuerySelect};

use crate::entities::components;
use crate::entities::modules::{Column, Entity, Model};
use crate::transaction::Transaction;
use crate::writer::SingleCommand;
use crate::{Store, failed};

#[async_trait]
impl Modules for Store {
    async fn install(&self, scope: OrgScope, module: &Installed, component: Arc<[u8]>) -> Result<(), InstallError> {
        let row = Model::of(holder(scope, module.owner), module);
        self.writer.write_one(Install { row, component }).await?
    }

    async fn visible(&self, scope: OrgScope) -> Result<Vec<Installed>, StoreError> {
        let holders = [Uuid::nil(), scope.organization().0];
        let visible = Entity::find().filter(Column::Holder.is_in(holders));
        let by_key = visible.order_by_asc(Column::Holder).order_by_asc(Column::Key).order_by_asc(Column::Version);
        let rows = by_key.all(&self.readers).await.map_err(failed)?;
        rows.into_iter().map(Model::read).collect()
    }

    async fn digests(&self) -> Result<Vec<String>, StoreError> {
        let digests = Entity::find().select_only().column(Column::Digest).distinct().order_by_asc(Column::Digest);
        digests.into_tuple().all(&self.readers).await.map_err(failed)
    }

    async fn component(&self, digest: &str) -> Result<Option<Arc<[u8]>>, StoreError> {
        let row = components::Entity::find_by_id(digest.to_owned()).one(&self.readers).await.map_err(failed)?;
        Ok(row.map(|row| row.content.into()))
    }

    async fn users(&self, scope: OrgScope, owner: Owner, digest: &str) -> Result<Vec<JobUse>, StoreError> {
        remove::users(&self.readers, holder(scope, owner), digest).await
    }

    async fn uninstall(&self, scope: OrgScope, owner: Owner, key: &str, version: &str) -> Result<bool, RemoveError> {
        let (key, version) = (key.to_owned(), version.to_owned());
        self.writer.write_one(remove::RemoveModule { organization: holder(scope, owner), key, version }).await?
    }
}

/// The organization of the module; none for a global module.
fn holder(scope: OrgScope, owner: Owner) -> Option<Uuid> {
    (owner == Owner::Organization).then(|| scope.organization().0)
}

struct Install {
    row: Model,
    component: Arc<[u8]>,
}

impl SingleCommand for Install {
    type Answer = Result<(), InstallError>;
    const DURABLE: bool = true;

    async fn apply(&self, db: &Transaction) -> Result<Self::Answer, StoreError> {
        let Model { holder, key, version, digest, .. } = &self.row;
        if conflicting(*holder, key).one(db).await.map_err(failed)?.is_some() {
            return Ok(Err(InstallError::KeyTaken(key.clone())));
        }
        let id = (*holder, key.clone(), version.clone());
        match Entity::find_by_id(id).one(db).await.map_err(failed)? {
            Some(installed) if installed.digest == *digest => return Ok(Ok(())),
            Some(_) => return Ok(Err(InstallError::VersionTaken(format!("{key}@{version}")))),
            None => {}
        }
        let component = components::Model { digest: digest.clone(), content: self.component.to_vec() };
        let kept = OnConflict::column(components::Column::Digest).do_nothing().to_owned();
        let component = components::Entity::insert(component.into_active_model().reset_all()).on_conflict(kept);
        component.exec_without_returning(db).await.map_err(failed)?;
        let row = Entity::insert(self.row.clone().into_active_model().reset_all());
        row.exec_without_returning(db).await.map_err(failed)?;
        Ok(Ok(()))
    }
}

/// The modules that would hide this key: a global one for an organization, or one of any organization for a global
/// module.
fn conflicting(holder: Uuid, key: &str) -> Select<Entity> {
    let foreign = match holder.is_nil() {
        true => Condition::all().add(Column::Holder.ne(Uuid::nil())),
        false => Condition::all().add(Column::Holder.eq(Uuid::nil())),
    };
    Entity::find().filter(Column::Key.eq(key)).filter(foreign).limit(1)
}
