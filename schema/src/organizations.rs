//! The adapter of the `organizations` port.

mod stored;

use std::collections::HashMap;

use async_trait::async_trait;
use engine::model::organization::{Organization, OrganizationId};
use engine::model::quota::StorageUse;
use engine::ports::organizations::{CreateError, OrganizationChange, Organizations};
use engine::ports::{Listed, StoreError};
use sea_orm::prelude::*;
use sea_orm::{IntoActiveModel, QueryOrder};

use crate::entities::organizations;
use crate::memory::{Memory, OrganizationName};
use crate::transaction::Transaction;
use crate::writer::SingleCommand;
use crate::{Store, failed, page};

#[async_trait]
impl Organizations for Store {
    async fn create(&self, organization: &Organization) -> Result<(), CreateError> {
        self.writer.write_one(Create(organization.clone())).await?
    }

    async fn by_key(&self, key: &str) -> Result<Option<Organization>, StoreError> {
        self.organization(OrganizationName::Key(key.to_owned()), || with_key(key)).await
    }

    async fn by_id(&self, id: OrganizationId) -> Result<Option<Organization>, StoreError> {
        self.organization(OrganizationName::Id(id), || organizations::Entity::find_by_id(id.0)).await
    }

    async fn list(&self, after: Option<&str>, limit: u32) -> Result<Listed<Organization>, StoreError> {
        let mut by_key = organizations::Entity::find().order_by_asc(organizations::Column::Key);
        if let Some(after) = after {
            by_key = by_key.filter(organizations::Column::Key.gt(after));
        }
        page(by_key, (&self.readers, limit), |row| row.name.len(), organizations::Model::read).await
    }

    async fn update(&self, id: OrganizationId, change: OrganizationChange) -> Result<Option<Organization>, StoreError> {
        self.writer.write_one(Update { id, change }).await
    }

    async fn count_stored(&self) -> Result<HashMap<OrganizationId, StorageUse>, StoreError> {
        stored::count(&self.readers).await
    }
}

impl Store {
    async fn organization(
        &self,
        name: OrganizationName,
        select: impl Fn() -> Select<organizations::Entity> + Sync,
    ) -> Result<Option<Organization>, StoreError> {
        let read = async || {
            let row = select().one(&self.readers).await.map_err(failed)?;
            row.map(organizations::Model::read).transpose()
        };
        self.memory.organizations.find(name, read).await
    }
}

fn with_key(key: &str) -> Select<organizations::Entity> {
    organizations::Entity::find().filter(organizations::Column::Key.eq(key))
}

struct Create(Organization);

impl SingleCommand for Create {
    type Answer = Result<(), CreateError>;
    const DURABLE: bool = true;

    async fn apply(&self, db: &Transaction) -> Result<Self::Answer, StoreError> {
        if with_key(&self.0.key).one(db).await.map_err(failed)?.is_some() {
            return Ok(Err(CreateError::Taken(self.0.key.clone())));
        }
        let row = organizations::Model::of(&self.0).into_active_model().reset_all();
        organizations::Entity::insert(row).exec_without_returning(db).await.map_err(failed)?;
        Ok(Ok(()))
    }
}

struct Update {
    id: OrganizationId,
    change: OrganizationChange,
}

impl SingleCommand for Update {
    type Answer = Option<Organization>;
    const DURABLE: bool = true;

    async fn apply(&self, db: &Transaction) -> Result<Self::Answer, StoreError> {
        let found = organizations::Entity::find_by_id(self.id.0).one(db).await.map_err(failed)?;
        let Some(row) = found else { return Ok(None) };
        let mut organization = row.read()?;
        self.change.apply(&mut organization);
        let row = organizations::Model::of(&organization).into_active_model().reset_all();
        organizations::Entity::update(row).exec_without_returning(db).await.map_err(failed)?;
        Ok(Some(organization))
    }

    fn committed(&self, _: &Self::Answer, memory: &Memory) {
        memory.organizations.forget_all();
    }
}
