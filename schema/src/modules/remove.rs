//! Removing a module: only while no job uses it.

use std::collections::{BTreeMap, BTreeSet};

use engine::model::organization::OrganizationId;
use engine::model::status::Status;
use engine::ports::StoreError;
use engine::ports::modules::{RemoveError, User};
use sea_orm::prelude::*;
use sea_orm::{ConnectionTrait, DatabaseTransaction, QuerySelect};

use crate::columns::Place;
use crate::entities::modules::{Column, Entity};
use crate::entities::{components, job_modules, job_results, jobs, module_grants};
use crate::failed;
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
    let mut versions: BTreeMap<(Uuid, String), BTreeSet<i64>> = BTreeMap::new();
    for row in saved.all(db).await.map_err(failed)? {
        versions.entry((row.organization_id, row.job_key)).or_default().insert(row.version);
    }
    let mut users = Vec::new();
    for ((organization, job), versions) in versions {
        for version in in_force(db, organization, &job, &versions).await? {
            let place = Place::new("job_modules", &job);
            let version = place.small("version", version)?;
            users.push(User { organization: OrganizationId(organization), job: job.clone(), version });
        }
    }
    Ok(users)
}

/// Those of a job's versions that are its newest, or that a result runs which has not ended.
async fn in_force<Db: ConnectionTrait>(
    db: &Db,
    organization: Uuid,
    job: &str,
    versions: &BTreeSet<i64>,
) -> Result<BTreeSet<i64>, StoreError> {
    use job_results::Column::{JobKey, OrganizationId, Status as Stands, Version};
    let newest = jobs::Entity::find_by_id((organization, job.to_owned())).one(db).await.map_err(failed)?;
    let mut in_force: BTreeSet<i64> = newest.into_iter().map(|newest| newest.version).collect();
    for status in [Status::Pending, Status::Running] {
        let unfinished = job_results::Entity::find()
            .filter(OrganizationId.eq(organization))
            .filter(JobKey.eq(job))
            .filter(Stands.eq(status.word()));
        let running: Vec<i64> =
            unfinished.select_only().column(Version).distinct().into_tuple().all(db).await.map_err(failed)?;
        in_force.extend(running);
    }
    Ok(in_force.intersection(versions).copied().collect())
}
