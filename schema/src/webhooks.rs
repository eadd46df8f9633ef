//! The adapter of the `webhooks` port.

use async_trait::async_trait;
use engine::model::Instant;
use engine::model::organization::OrgScope;
use engine::model::webhook::{MOST_OF_A_JOB, Webhook, WebhookId};
use engine::ports::StoreError;
use engine::ports::webhooks::{AddError, Webhooks, judge};
use sea_orm::ActiveValue::Set;
use sea_orm::prelude::*;
use sea_orm::{Condition, QueryOrder, QuerySelect};

use crate::batch::{insert, pieces};
use crate::columns::micros;
use crate::entities::jobs;
use crate::entities::webhooks::{ActiveModel, Column, Entity, Model};
use crate::transaction::Transaction;
use crate::writer::SingleCommand;
use crate::{Store, failed};

#[async_trait]
impl Webhooks for Store {
    async fn add_webhook(&self, scope: OrgScope, webhook: &Webhook) -> Result<(), AddError> {
        self.writer.write_one(Add { scope, webhook: webhook.clone() }).await?
    }

    async fn webhooks_of(&self, scope: OrgScope, jobs: &[String]) -> Result<Vec<Webhook>, StoreError> {
        let mut found = Vec::new();
        for jobs in pieces(jobs) {
            let some = of(scope).filter(Column::JobKey.is_in(jobs.iter().map(String::as_str)));
            for row in some.all(&self.readers).await.map_err(failed)? {
                found.push(row.read()?);
            }
        }
        found.sort_by(|one, other| (&one.job, &one.key).cmp(&(&other.job, &other.key)));
        Ok(found)
    }

    async fn find_webhook(&self, scope: OrgScope, id: WebhookId) -> Result<Option<Webhook>, StoreError> {
        let row = Entity::find_by_id((scope.organization().0, id.0)).one(&self.readers).await.map_err(failed)?;
        row.map(Model::read).transpose()
    }

    async fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>, StoreError> {
        let row = Entity::find().filter(Column::Id.eq(id.0)).one(&self.readers).await.map_err(failed)?;
        row.map(Model::read).transpose()
    }

    async fn note_use(&self, scope: OrgScope, id: WebhookId, at: Instant, since: Instant) -> Result<(), StoreError> {
        self.writer.write_one(Note { scope, id, at, since }).await
    }

    async fn remove_webhook(&self, scope: OrgScope, job: &str, key: &str) -> Result<bool, StoreError> {
        self.writer.write_one(Remove { scope, job: job.to_owned(), key: key.to_owned() }).await
    }
}

fn of(scope: OrgScope) -> Select<Entity> {
    Entity::find().filter(Column::OrganizationId.eq(scope.organization().0))
}

struct Add {
    scope: OrgScope,
    webhook: Webhook,
}

impl SingleCommand for Add {
    type Answer = Result<(), AddError>;
    const DURABLE: bool = true;

    async fn apply(&self, db: &Transaction) -> Result<Self::Answer, StoreError> {
        let Self { scope, webhook } = self;
        let id = (scope.organization().0, webhook.job.clone());
        if jobs::Entity::find_by_id(id).one(db).await.map_err(failed)?.is_none() {
            return Ok(Err(AddError::UnknownJob(webhook.job.clone())));
        }
        let others = of(*scope).filter(Column::JobKey.eq(&webhook.job)).order_by_asc(Column::Key);
        let others = others.limit(MOST_OF_A_JOB as u64).all(db).await.map_err(failed)?;
        if let Err(refused) = judge(&webhook.key, others.iter().map(|other| other.key.as_str())) {
            return Ok(Err(refused));
        }
        insert::<Entity>(db, &[Model::of(scope.organization(), webhook)], None).await.map(Ok)
    }
}

struct Note {
    scope: OrgScope,
    id: WebhookId,
    at: Instant,
    since: Instant,
}

impl SingleCommand for Note {
    type Answer = ();
    /// It is only a hint for people, and the next use writes it again.
    const DURABLE: bool = false;

    async fn apply(&self, db: &Transaction) -> Result<(), StoreError> {
        let earlier =
            Condition::any().add(Column::LastUsedAt.is_null()).add(Column::LastUsedAt.lte(micros(self.since)));
        let noted = Entity::update_many()
            .set(ActiveModel { last_used_at: Set(Some(micros(self.at))), ..Default::default() })
            .filter(Column::OrganizationId.eq(self.scope.organization().0))
            .filter(Column::Id.eq(self.id.0))
            .filter(earlier);
        noted.exec(db).await.map_err(failed)?;
        Ok(())
    }
}

struct Remove {
    scope: OrgScope,
    job: String,
    key: String,
}

impl SingleCommand for Remove {
    type Answer = bool;
    const DURABLE: bool = true;

    async fn apply(&self, db: &Transaction) -> Result<bool, StoreError> {
        let gone = Entity::delete_many()
            .filter(Column::OrganizationId.eq(self.scope.organization().0))
            .filter(Column::JobKey.eq(&self.job))
            .filter(Column::Key.eq(&self.key));
        Ok(gone.exec(db).await.map_err(failed)?.rows_affected > 0)
    }
}
