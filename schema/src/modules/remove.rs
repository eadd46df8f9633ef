//! Removes a module that no job uses.

use engine::model::refusal::JobUse;
use engine::ports::StoreError;
use engine::ports::modules::RemoveError;
use sea_orm::prelude::*;
use sea_orm::{ConnectionTrait, QuerySelect};

use crate::entities::modules::{Column, Entity};
use crate::entities::{components, job_modules, module_grants};
use crate::failed;
use crate::job_users::{Versions, in_use};
use crate::memory::Memory;
use crate::transaction::Transaction;
use crate::writer::SingleCommand;

pub(super) struct RemoveModule {
    /// None for a global module.
    pub organization: Option<Uuid>,
    pub key: String,
    pub version: String,
}

impl SingleCommand for RemoveModule {
    type Answer = Result<bool, RemoveError>;
    const DURABLE: bool = true;

    async fn apply(&self, db: &Transaction) -> Result<Self::Answer, StoreError> {
        let holder = self.organization.unwrap_or(Uuid::nil());
        let id = (holder, self.key.clone(), self.version.clone());
        let Some(row) = Entity::find_by_id(id.clone()).one(db).await.map_err(failed)? else {
            return Ok(Err(RemoveError::Absent));
        };
        let users = users(db, self.organization, &row.digest).await?;
        if !users.is_empty() {
            return Ok(Err(RemoveError::InUse(users)));
        }
        Entity::delete_by_id(id).exec(db).await.map_err(failed)?;
        self.forget_grants(db, holder).await?;
        let same = Entity::find().filter(Column::Digest.eq(&row.digest)).limit(1);
        let is_last = same.one(db).await.map_err(failed)?.is_none();
        if is_last {
            components::Entity::delete_by_id(row.digest).exec(db).await.map_err(failed)?;
        }
        Ok(Ok(is_last))
    }

    fn committed(&self, _: &Self::Answer, memory: &Memory) {
        memory.grants.forget_all();
    }
}

impl RemoveModule {
    /// Removes the grants with the last version. Otherwise another module with the same key would inherit them.
    async fn forget_grants(&self, db: &Transaction, holder: Uuid) -> Result<(), StoreError> {
        let versions = Entity::find().filter(Column::Holder.eq(holder)).filter(Column::Key.eq(&self.key)).limit(1);
        if versions.one(db).await.map_err(failed)?.is_some() {
            return Ok(());
        }
        let mut grants = module_grants::Entity::delete_many().filter(module_grants::Column::ModuleKey.eq(&self.key));
        if let Some(organization) = self.organization {
            grants = grants.filter(module_grants::Column::OrganizationId.eq(organization));
        }
        grants.exec(db).await.map_err(failed)?;
        Ok(())
    }
}

/// The jobs of the organization, or of all, whose newest version or unfinished results run with the component.
pub(super) async fn users<Db: ConnectionTrait>(
    db: &Db,
    organization: Option<Uuid>,
    digest: &str,
) -> Result<Vec<JobUse>, StoreError> {
    let mut saved = job_modules::Entity::find().filter(job_modules::Column::Digest.eq(digest));
    if let Some(organization) = organization {
        saved = saved.filter(job_modules::Column::OrganizationId.eq(organization));
    }
    let mut versions = Versions::new();
    for row in saved.all(db).await.map_err(failed)? {
        versions.entry((row.organization_id, row.job_key)).or_default().insert(row.version);
    }
    in_use(db, "job_modules", versions).await
}
