//! The adapter of the `jobs` port.

mod delete;

use std::collections::BTreeSet;

use async_trait::async_trait;
use engine::model::filter_template::named_in;
use engine::model::organization::OrgScope;
use engine::ports::jobs::{DeleteError, Deleted, Deletion, Jobs, NewVersion, SaveError, SavedJob, Saving};
use engine::ports::{Listed, StoreError};
use sea_orm::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{IntoActiveModel, QueryOrder, QuerySelect};

use crate::batch::insert;
use crate::columns::RowName;
use crate::entities::{deleted_jobs, job_modules, job_templates, job_versions, jobs, modules};
use crate::memory::Memory;
use crate::transaction::Transaction;
use crate::writer::SingleCommand;
use crate::{Store, failed, page, schedules, unavailable};

#[async_trait]
impl Jobs for Store {
    async fn save(&self, scope: OrgScope, version: NewVersion) -> Result<SavedJob, SaveError> {
        self.writer.write_one(Save { scope, version }).await?
    }

    async fn find(&self, scope: OrgScope, key: &str, version: Option<u32>) -> Result<Option<SavedJob>, StoreError> {
        let organization = scope.organization().0;
        let Some(version) = version else {
            let read = async || {
                let row = jobs::Entity::find_by_id((organization, key.to_owned())).one(&self.readers).await;
                row.map_err(failed)?.map(jobs::Model::read).transpose()
            };
            return self.memory.jobs.find((scope.organization(), key.to_owned()), read).await;
        };
        let id = (organization, key.to_owned(), i64::from(version));
        let row = job_versions::Entity::find_by_id(id).one(&self.readers).await.map_err(failed)?;
        row.map(job_versions::Model::read).transpose()
    }

    async fn list(&self, scope: OrgScope, after: Option<&str>, limit: u32) -> Result<Listed<SavedJob>, StoreError> {
        let mut by_key = of(scope).order_by_asc(jobs::Column::Key);
        if let Some(after) = after {
            by_key = by_key.filter(jobs::Column::Key.gt(after));
        }
        page(by_key, (&self.readers, limit), |row| row.document.len(), jobs::Model::read).await
    }

    async fn count(&self, scope: OrgScope) -> Result<u64, StoreError> {
        let counted = of(scope).select_only().column_as(jobs::Column::Key.count(), "jobs").into_tuple::<i64>();
        let count = counted.one(&self.readers).await.map_err(failed)?.unwrap_or(0);
        u64::try_from(count).map_err(unavailable)
    }

    async fn delete_job(&self, scope: OrgScope, deletion: Deletion) -> Result<Deleted, DeleteError> {
        self.writer.write_one(delete::DeleteJob { organization: scope.organization(), deletion }).await?
    }
}

fn of(scope: OrgScope) -> Select<jobs::Entity> {
    jobs::Entity::find().filter(jobs::Column::OrganizationId.eq(scope.organization().0))
}

struct Save {
    scope: OrgScope,
    version: NewVersion,
}

impl SingleCommand for Save {
    type Answer = Result<SavedJob, SaveError>;
    const DURABLE: bool = true;

    async fn apply(&self, db: &Transaction) -> Result<Self::Answer, StoreError> {
        let id = (self.scope.organization().0, self.version.key.clone());
        let newest = jobs::Entity::find_by_id(id).one(db).await.map_err(failed)?;
        let newest = newest.map(jobs::Model::read).transpose()?;
        let deleted = if newest.is_none() { self.deleted_version(db).await? } else { 0 };
        match self.version.clone().judge(newest.as_ref(), deleted) {
            Ok(Saving::New(saved)) => {
                if let Some(module) = self.missing_module(db).await? {
                    return Ok(Err(SaveError::Gone(module)));
                }
                self.add(db, &saved).await?;
                Ok(Ok(saved))
            }
            Ok(Saving::Unchanged(newest)) => Ok(Ok(newest)),
            Err(refused) => Ok(Err(refused)),
        }
    }

    fn committed(&self, _: &Self::Answer, memory: &Memory) {
        memory.jobs.forget(&(self.scope.organization(), self.version.key.clone()));
    }
}

impl Save {
    async fn add(&self, db: &Transaction, saved: &SavedJob) -> Result<(), StoreError> {
        use jobs::Column::{Document, Key, Name, OrganizationId, Pins, SavedAt, SavedBy, Version};
        let row = jobs::Model::of(self.scope.organization(), saved);
        let version = job_versions::Model::of(row.clone()).into_active_model().reset_all();
        let replaced = OnConflict::columns([OrganizationId, Key])
            .update_columns([Version, Name, Document, Pins, SavedAt, SavedBy])
            .to_owned();
        let newest = jobs::Entity::insert(row.into_active_model().reset_all()).on_conflict(replaced);
        newest.exec_without_returning(db).await.map_err(failed)?;
        job_versions::Entity::insert(version).exec_without_returning(db).await.map_err(failed)?;
        insert::<job_modules::Entity>(db, &self.modules(saved), None).await?;
        insert::<job_templates::Entity>(db, &self.templates(saved), None).await?;
        schedules::save(db, (self.scope.organization(), &saved.key), &self.version.schedules, saved.saved_at).await
    }

    async fn deleted_version(&self, db: &Transaction) -> Result<u32, StoreError> {
        let key = self.version.key.as_str();
        let version = deleted_jobs::version_of(db, (self.scope.organization().0, key)).await?;
        RowName::new("deleted_jobs", key).small("version", version)
    }

    /// A module that the version pins and that is no longer installed.
    async fn missing_module(&self, db: &Transaction) -> Result<Option<String>, StoreError> {
        use modules::Column::{Digest, Holder};
        let holders = [Uuid::nil(), self.scope.organization().0];
        for pin in &self.version.pins {
            let installed = modules::Entity::find().filter(Digest.eq(&pin.module.digest));
            let installed = installed.filter(Holder.is_in(holders)).limit(1).one(db).await.map_err(failed)?;
            if installed.is_none() {
                return Ok(Some(format!("{}@{}", pin.module.module, pin.module.version)));
            }
        }
        Ok(None)
    }

    /// A row for each filter template that the version names.
    fn templates(&self, saved: &SavedJob) -> Vec<job_templates::Model> {
        let row = |template_key| job_templates::Model {
            organization_id: self.scope.organization().0,
            job_key: saved.key.clone(),
            version: saved.version.into(),
            template_key,
        };
        named_in(&saved.document).into_iter().map(row).collect()
    }

    /// A row for each component that the version runs with.
    fn modules(&self, saved: &SavedJob) -> Vec<job_modules::Model> {
        let digests: BTreeSet<_> = saved.pins.iter().map(|pin| pin.module.digest.clone()).collect();
        let row = |digest| job_modules::Model {
            organization_id: self.scope.organization().0,
            job_key: saved.key.clone(),
            version: saved.version.into(),
            digest,
        };
        digests.into_iter().map(row).collect()
    }
}
