//! Removing a module: only while no job uses it.

use engine::ports::StoreError;
use engine::ports::modules::{RemoveError, User};
use sea_orm::prelude::*;
use sea_orm::{ConnectionTrait, DatabaseTransaction, QuerySelect};

use crate::entities::modules::{Column, Entity};
use crate::entities::{components, job_modules, module_grants};
use crate::failed;
use crate::users::{Versions, in_force};
use crate::writer::Single;

pub(super) struct Remove {
    /// None for a module of all organizations.
    pub organization: Option<Uuid>,
    pub key: String,
    pub version: String,
}

impl Single for Remove {
    type Answer = Result<bool, RemoveError>;
    const DURABLE: bool = true;

    async fn apply(&self, db: &DatabaseTransaction) -> Result<Self::Answer, StoreError> {
        let holder = self.organization.unwrap_or(Uuid::nil());
        let place = (holder, self.key.clone(), self.version.clone());
        let Some(row) = Entity::find_by_id(place.clone()).one(db).await.map_err(failed)? else {
            return Ok(Err(RemoveError::Absent));
        };
        let users = users(db, self.organization, &row.digest).await?;
        if !users.is_empty() {
            return Ok(Err(RemoveError::InUse(users)));
        }
        Entity::delete_by_id(place).exec(db).await.map_err(failed)?;
        self.forget_grants(db, holder).await?;
        let had = Entity::find().filter(Column::Digest.eq(&row.digest)).limit(1);
        let gone = had.one(db).await.map_err(failed)?.is_none();
        if gone {
            components::Entity::delete_by_id(row.digest).exec(db).await.map_err(failed)?;
        }
        Ok(Ok(gone))
    }
}

impl Remove {
    /// What was granted goes with the last version: another module of the same name would
    /// otherwise inherit it.
    async fn forget_grants(&self, db: &DatabaseTransaction, holder: Uuid) -> Result<(), StoreError> {
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

/// Jobs whose newest version, or whose unfinished results, run with the component: those of
/// the organization, or of all.
pub(super) async fn users<Db: ConnectionTrait>(
    db: &Db,
    organization: Option<Uuid>,
    digest: &str,
) -> Result<Vec<User>, StoreError> {
    let mut saved = job_modules::Entity::find().filter(job_modules::Column::Digest.eq(digest));
    if let Some(organization) = organization {
        saved = saved.filter(job_modules::Column::OrganizationId.eq(organization));
    }
    let mut versions = Versions::new();
    for row in saved.all(db).await.map_err(failed)? {
        versions.entry((row.organization_id, row.job_key)).or_default().insert(row.version);
    }
    in_force(db, "job_modules", versions).await
}
