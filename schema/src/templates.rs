//! The adapter of the `templates` port.

use async_trait::async_trait;
use engine::model::module::Owner;
use engine::model::organization::OrgScope;
use engine::model::refusal::JobUse;
use engine::ports::templates::{
    FilterTemplates, NewTemplate, RemoveTemplateError, SaveTemplateError, SavedTemplate, SavingTemplate,
};
use engine::ports::{Listed, StoreError};
use sea_orm::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{Condition, ConnectionTrait, IntoActiveModel, QueryOrder, QuerySelect};

use crate::entities::filter_templates::{Column, Entity, Model};
use crate::entities::{filter_template_versions as versions, job_templates};
use crate::job_users::{self, Versions};
use crate::transaction::Transaction;
use crate::writer::SingleCommand;
use crate::{Store, failed, page};

#[async_trait]
impl FilterTemplates for Store {
    async fn save_template(&self, scope: OrgScope, version: NewTemplate) -> Result<SavedTemplate, SaveTemplateError> {
        self.writer.write_one(Save { organization: holder(scope, version.owner), version }).await?
    }

    async fn find_template(
        &self,
        scope: OrgScope,
        key: &str,
        version: Option<u32>,
    ) -> Result<Option<SavedTemplate>, StoreError> {
        let Some(version) = version else {
            let row = visible(scope).filter(Column::Key.eq(key)).one(&self.readers).await.map_err(failed)?;
            return row.map(Model::read).transpose();
        };
        let found = versions::Entity::find()
            .filter(versions::Column::Holder.is_in(holders(scope)))
            .filter(versions::Column::TemplateKey.eq(key))
            .filter(versions::Column::Version.eq(version));
        let row = found.one(&self.readers).await.map_err(failed)?;
        row.map(versions::Model::read).transpose()
    }

    async fn list_templates(
        &self,
        scope: OrgScope,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Listed<SavedTemplate>, StoreError> {
        let mut by_key = visible(scope).order_by_asc(Column::Key);
        if let Some(after) = after {
            by_key = by_key.filter(Column::Key.gt(after));
        }
        page(by_key, (&self.readers, limit), |row| row.document.len(), Model::read).await
    }

    async fn count_templates(&self, scope: OrgScope) -> Result<u64, StoreError> {
        visible(scope).count(&self.readers).await.map_err(failed)
    }

    async fn users_of_template(&self, scope: OrgScope, owner: Owner, key: &str) -> Result<Vec<JobUse>, StoreError> {
        users_of(&self.readers, holder(scope, owner), key).await
    }

    async fn remove_template(&self, scope: OrgScope, owner: Owner, key: &str) -> Result<(), RemoveTemplateError> {
        self.writer.write_one(Remove { organization: holder(scope, owner), key: key.to_owned() }).await?
    }
}

/// The organization of the template; none for a global template.
fn holder(scope: OrgScope, owner: Owner) -> Option<Uuid> {
    (owner == Owner::Organization).then(|| scope.organization().0)
}

/// The holders whose templates the jobs of an organization may use.
fn holders(scope: OrgScope) -> [Uuid; 2] {
    [Uuid::nil(), scope.organization().0]
}

fn visible(scope: OrgScope) -> Select<Entity> {
    Entity::find().filter(Column::Holder.is_in(holders(scope)))
}

async fn users_of<Db: ConnectionTrait>(
    db: &Db,
    organization: Option<Uuid>,
    key: &str,
) -> Result<Vec<JobUse>, StoreError> {
    let mut uses = job_templates::Entity::find().filter(job_templates::Column::TemplateKey.eq(key));
    if let Some(organization) = organization {
        uses = uses.filter(job_templates::Column::OrganizationId.eq(organization));
    }
    let mut versions = Versions::new();
    for row in uses.all(db).await.map_err(failed)? {
        versions.entry((row.organization_id, row.job_key)).or_default().insert(row.version);
    }
    job_users::in_use(db, "job_templates", versions).await
}

struct Save {
    /// None for a global template.
    organization: Option<Uuid>,
    version: NewTemplate,
}

impl SingleCommand for Save {
    type Answer = Result<SavedTemplate, SaveTemplateError>;
    const DURABLE: bool = true;

    async fn apply(&self, db: &Transaction) -> Result<Self::Answer, StoreError> {
        let (holder, key) = (self.organization.unwrap_or(Uuid::nil()), &self.version.key);
        if conflicting(holder, key).one(db).await.map_err(failed)?.is_some() {
            return Ok(Err(SaveTemplateError::KeyTaken(key.clone())));
        }
        let newest = Entity::find_by_id((holder, key.clone())).one(db).await.map_err(failed)?;
        let newest = newest.map(Model::read).transpose()?;
        match self.version.clone().judge(newest.as_ref()) {
            Ok(SavingTemplate::New(saved)) => {
                self.add(db, &saved).await?;
                Ok(Ok(saved))
            }
            Ok(SavingTemplate::Unchanged(newest)) => Ok(Ok(newest)),
            Err(refused) => Ok(Err(refused)),
        }
    }
}

impl Save {
    async fn add(&self, db: &Transaction, saved: &SavedTemplate) -> Result<(), StoreError> {
        use Column::{Document, Holder, Key, Name, SavedAt, SavedBy, Version};
        let row = Model::of(self.organization, saved);
        let version = versions::Model::of(row.clone()).into_active_model().reset_all();
        let replaced =
            OnConflict::columns([Holder, Key]).update_columns([Version, Name, Document, SavedAt, SavedBy]).to_owned();
        let newest = Entity::insert(row.into_active_model().reset_all()).on_conflict(replaced);
        newest.exec_without_returning(db).await.map_err(failed)?;
        versions::Entity::insert(version).exec_without_returning(db).await.map_err(failed)?;
        Ok(())
    }
}

/// The templates that would hide this key: a global one for an organization, or one of any organization for a global
/// template.
fn conflicting(holder: Uuid, key: &str) -> Select<Entity> {
    let foreign = match holder.is_nil() {
        true => Condition::all().add(Column::Holder.ne(Uuid::nil())),
        false => Condition::all().add(Column::Holder.eq(Uuid::nil())),
    };
    Entity::find().filter(Column::Key.eq(key)).filter(foreign).limit(1)
}

struct Remove {
    /// None for a global template.
    organization: Option<Uuid>,
    key: String,
}

impl SingleCommand for Remove {
    type Answer = Result<(), RemoveTemplateError>;
    const DURABLE: bool = true;

    async fn apply(&self, db: &Transaction) -> Result<Self::Answer, StoreError> {
        let id = (self.organization.unwrap_or(Uuid::nil()), self.key.clone());
        if Entity::find_by_id(id.clone()).one(db).await.map_err(failed)?.is_none() {
            return Ok(Err(RemoveTemplateError::Absent));
        }
        let users = users_of(db, self.organization, &self.key).await?;
        if !users.is_empty() {
            return Ok(Err(RemoveTemplateError::InUse(users)));
        }
        // A foreign key removes its versions.
        Entity::delete_by_id(id).exec(db).await.map_err(failed)?;
        Ok(Ok(()))
    }
}
