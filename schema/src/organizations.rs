//! The adapter of the `organizations` port.

mod stored;

use std::collections::HashMap;

use async_trait::async_trait;
use engine::model::organization::{OrgScope, Organization, OrganizationId};
use engine::model::quota::{Quotas, StorageUse};
use engine::model::token::TokenRecord;
use engine::ports::StoreError;
use engine::ports::organizations::{CreateError, LISTED_ORGANIZATIONS, Organizations};
use sea_orm::prelude::*;
use sea_orm::{IntoActiveModel, QueryOrder, QuerySelect};

use crate::entities::{organizations, tokens};
use crate::memory::{Memory, OrganizationName};
use crate::transaction::Transaction;
use crate::writer::SingleCommand;
use crate::{Store, failed};

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

    async fn list(&self) -> Result<Vec<Organization>, StoreError> {
        let by_key = organizations::Entity::find().order_by_asc(organizations::Column::Key);
        let rows = by_key.limit(LISTED_ORGANIZATIONS as u64).all(&self.readers).await.map_err(failed)?;
        rows.into_iter().map(organizations::Model::read).collect()
    }

    async fn set_quotas(&self, scope: OrgScope, quotas: Quotas) -> Result<(), StoreError> {
        self.writer.write_one(SetQuotas { organization: scope.organization(), quotas }).await
    }

    async fn count_stored(&self) -> Result<HashMap<OrganizationId, StorageUse>, StoreError> {
        stored::count(&self.readers).await
    }

    async fn add_token(&self, token: &TokenRecord) -> Result<(), StoreError> {
        self.writer.write_one(AddToken(token.clone())).await
    }

    async fn token(&self, id: Uuid) -> Result<Option<TokenRecord>, StoreError> {
        let read = async || {
            let row = tokens::Entity::find_by_id(id).one(&self.readers).await.map_err(failed)?;
            row.map(tokens::Model::read).transpose()
        };
        self.memory.tokens.find(id, read).await
    }

    async fn has_server_token(&self) -> Result<bool, StoreError> {
        let for_server = tokens::Entity::find().filter(tokens::Column::OrganizationId.is_null());
        Ok(for_server.one(&self.readers).await.map_err(failed)?.is_some())
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

struct SetQuotas {
    organization: OrganizationId,
    quotas: Quotas,
}

impl SingleCommand for SetQuotas {
    type Answer = ();
    const DURABLE: bool = true;

    async fn apply(&self, db: &Transaction) -> Result<(), StoreError> {
        let text = organizations::text_of_quotas(self.quotas);
        let row = organizations::Entity::update_many()
            .col_expr(organizations::Column::Quotas, Expr::value(text))
            .filter(organizations::Column::Id.eq(self.organization.0));
        row.exec(db).await.map_err(failed)?;
        Ok(())
    }

    fn committed(&self, (): &(), memory: &Memory) {
        memory.organizations.forget_all();
    }
}

struct AddToken(TokenRecord);

impl SingleCommand for AddToken {
    type Answer = ();
    const DURABLE: bool = true;

    async fn apply(&self, db: &Transaction) -> Result<(), StoreError> {
        let row = tokens::Model::of(&self.0).into_active_model().reset_all();
        tokens::Entity::insert(row).exec_without_returning(db).await.map_err(failed)?;
        Ok(())
    }
}
