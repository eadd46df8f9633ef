//! The adapter of the `tokens` port.

use async_trait::async_trait;
use engine::model::Instant;
use engine::model::organization::OrgScope;
use engine::model::token::TokenRecord;
use engine::ports::tokens::{RevokeError, Tokens};
use engine::ports::{Listed, Page, StoreError};
use sea_orm::ActiveValue::Set;
use sea_orm::prelude::*;
use sea_orm::{Condition, QueryOrder, QuerySelect};

use crate::batch::insert;
use crate::columns::micros;
use crate::entities::tokens::{ActiveModel, Column, Entity, Model};
use crate::memory::Memory;
use crate::transaction::Transaction;
use crate::writer::SingleCommand;
use crate::{Store, failed, page};

#[async_trait]
impl Tokens for Store {
    async fn add_token(&self, token: &TokenRecord) -> Result<(), StoreError> {
        self.writer.write_one(Add(token.clone())).await
    }

    async fn token(&self, id: Uuid) -> Result<Option<TokenRecord>, StoreError> {
        let read = async || {
            let row = Entity::find_by_id(id).one(&self.readers).await.map_err(failed)?;
            row.map(Model::read).transpose()
        };
        self.memory.tokens.find(id, read).await
    }

    async fn tokens(
        &self,
        scope: Option<OrgScope>,
        Page { before, limit }: Page<Uuid>,
    ) -> Result<Listed<TokenRecord>, StoreError> {
        let mut newest = Entity::find().filter(of(scope)).order_by_desc(Column::Id);
        if let Some(before) = before {
            newest = newest.filter(Column::Id.lt(before));
        }
        page(newest, (&self.readers, limit), |row| row.name.len(), Model::read).await
    }

    async fn revoke_token(&self, scope: Option<OrgScope>, id: Uuid, now: Instant) -> Result<TokenRecord, RevokeError> {
        self.writer.write_one(Revoke { scope, id, now }).await?
    }

    async fn note_token_use(&self, id: Uuid, at: Instant) -> Result<(), StoreError> {
        self.writer.write_one(NoteUse { id, at }).await
    }

    async fn has_server_token(&self) -> Result<bool, StoreError> {
        Ok(Entity::find().filter(of(None)).limit(1).one(&self.readers).await.map_err(failed)?.is_some())
    }
}

fn of(scope: Option<OrgScope>) -> Condition {
    Condition::all().add(match scope {
        Some(scope) => Column::OrganizationId.eq(scope.organization().0),
        None => Column::OrganizationId.is_null(),
    })
}

struct Add(TokenRecord);

impl SingleCommand for Add {
    type Answer = ();
    const DURABLE: bool = true;

    async fn apply(&self, db: &Transaction) -> Result<(), StoreError> {
        insert::<Entity>(db, &[Model::of(&self.0)], None).await
    }
}

struct Revoke {
    scope: Option<OrgScope>,
    id: Uuid,
    now: Instant,
}

impl SingleCommand for Revoke {
    type Answer = Result<TokenRecord, RevokeError>;
    const DURABLE: bool = true;

    async fn apply(&self, db: &Transaction) -> Result<Self::Answer, StoreError> {
        let own = Entity::find_by_id(self.id).filter(of(self.scope));
        let Some(row) = own.one(db).await.map_err(failed)? else { return Ok(Err(RevokeError::Absent)) };
        if self.scope.is_none() && !self.leaves_another(db).await? {
            return Ok(Err(RevokeError::LastOfServer));
        }
        Entity::delete_by_id(self.id).exec(db).await.map_err(failed)?;
        row.read().map(Ok)
    }

    fn committed(&self, _: &Self::Answer, memory: &Memory) {
        memory.tokens.forget(&self.id);
    }
}

impl Revoke {
    /// Whether another token of the server is valid.
    async fn leaves_another(&self, db: &Transaction) -> Result<bool, StoreError> {
        let valid = Condition::any().add(Column::ExpiresAt.is_null()).add(Column::ExpiresAt.gt(micros(self.now)));
        let others = Entity::find().filter(of(None)).filter(Column::Id.ne(self.id)).filter(valid);
        Ok(others.limit(1).one(db).await.map_err(failed)?.is_some())
    }
}

struct NoteUse {
    id: Uuid,
    at: Instant,
}

impl SingleCommand for NoteUse {
    type Answer = ();
    /// It is only a hint for people, and the next use writes it again.
    const DURABLE: bool = false;

    async fn apply(&self, db: &Transaction) -> Result<(), StoreError> {
        let used = ActiveModel { last_used_at: Set(Some(micros(self.at))), ..Default::default() };
        Entity::update_many().set(used).filter(Column::Id.eq(self.id)).exec(db).await.map_err(failed)?;
        Ok(())
    }

    fn committed(&self, (): &(), memory: &Memory) {
        let used = |token: &Option<TokenRecord>| {
            token.clone().map(|token| Some(TokenRecord { last_used_at: Some(self.at), ..token }))
        };
        memory.tokens.change(&self.id, used);
    }
}
