//! The adapter of the `audit` port. The entry of a change is written by the writer, in the transaction of the change.

use async_trait::async_trait;
use engine::model::Instant;
use engine::model::audit::{AuditEntry, AuditFilter, AuditOutcome};
use engine::model::organization::OrgScope;
use engine::ports::audit::AuditLog;
use engine::ports::{Listed, Page, StoreError};
use sea_orm::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};

use crate::batch::{insert, pieces};
use crate::entities::audit_entries::{Column, Entity, Model};
use crate::transaction::Transaction;
use crate::writer::SingleCommand;
use crate::{Store, failed, page};

/// How many entries one call removes at most.
const REMOVED_AT_ONCE: u64 = 500;

#[async_trait]
impl AuditLog for Store {
    async fn append(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        match entry.outcome {
            AuditOutcome::Done => self.writer.write_one(Append::<true>(entry.clone())).await,
            AuditOutcome::Refused | AuditOutcome::Failed => self.writer.write_one(Append::<false>(entry.clone())).await,
        }
    }

    async fn entries(
        &self,
        scope: Option<OrgScope>,
        filter: &AuditFilter,
        Page { before, limit }: Page<Uuid>,
    ) -> Result<Listed<AuditEntry>, StoreError> {
        let organization = scope.map_or(Uuid::nil(), |scope| scope.organization().0);
        let mut newest = Entity::find().filter(Column::OrganizationId.eq(organization)).order_by_desc(Column::Id);
        if let Some(operation) = &filter.operation {
            newest = newest.filter(Column::Operation.eq(operation));
        }
        // Identities increase with time, so an index finds a range of time.
        let ends = [before, filter.until.map(first_id_at)];
        if let Some(end) = ends.into_iter().flatten().min() {
            newest = newest.filter(Column::Id.lt(end));
        }
        if let Some(since) = filter.since {
            newest = newest.filter(Column::Id.gte(first_id_at(since)));
        }
        let weigh = |row: &Model| row.target.len() + row.reason.as_ref().map_or(0, String::len);
        page(newest, (&self.readers, limit), weigh, Model::read).await
    }

    async fn prune_audit(&self, before: Instant, operations: Option<&[&str]>) -> Result<u64, StoreError> {
        let (before, mut organization) = (first_id_at(before), self.next_organization(None).await?);
        while let Some(of) = organization {
            let ids = self.old_entries(of, before, operations).await?;
            if !ids.is_empty() {
                return self.writer.write_one(Remove { organization: of, ids }).await;
            }
            organization = self.next_organization(Some(of)).await?;
        }
        Ok(0)
    }
}

impl Store {
    /// The organization behind this one that has entries; the first is the server.
    async fn next_organization(&self, after: Option<Uuid>) -> Result<Option<Uuid>, StoreError> {
        let behind = match after {
            Some(after) => Column::OrganizationId.gt(after),
            None => Column::OrganizationId.gte(Uuid::nil()),
        };
        let next = Entity::find().filter(behind).order_by_asc(Column::OrganizationId).limit(1);
        let next = next.select_only().column(Column::OrganizationId).into_tuple();
        next.one(&self.readers).await.map_err(failed)
    }

    /// Some of the entries of an organization that have to go, found by index.
    async fn old_entries(
        &self,
        organization: Uuid,
        before: Uuid,
        operations: Option<&[&str]>,
    ) -> Result<Vec<Uuid>, StoreError> {
        let all = operations.map_or(vec![None], |some| some.iter().copied().map(Some).collect());
        for operation in all {
            let mut old = Entity::find().filter(Column::OrganizationId.eq(organization)).filter(Column::Id.lt(before));
            if let Some(operation) = operation {
                old = old.filter(Column::Operation.eq(operation));
            }
            let old = old.order_by_asc(Column::Id).limit(REMOVED_AT_ONCE).select_only().column(Column::Id);
            let ids: Vec<Uuid> = old.into_tuple().all(&self.readers).await.map_err(failed)?;
            if !ids.is_empty() {
                return Ok(ids);
            }
        }
        Ok(Vec::new())
    }
}

/// The smallest identity of an entry at this instant, to the millisecond.
fn first_id_at(instant: Instant) -> Uuid {
    let milliseconds = u64::try_from(instant.timestamp_millis()).unwrap_or(0);
    Uuid::from_u128(u128::from(milliseconds) << 80)
}

struct Append<const DURABLE: bool>(AuditEntry);

impl<const DURABLE: bool> SingleCommand for Append<DURABLE> {
    type Answer = ();
    const DURABLE: bool = DURABLE;

    async fn apply(&self, db: &Transaction) -> Result<(), StoreError> {
        insert::<Entity>(db, &[Model::of(&self.0)], None).await
    }
}

struct Remove {
    organization: Uuid,
    ids: Vec<Uuid>,
}

impl SingleCommand for Remove {
    type Answer = u64;
    const DURABLE: bool = false;

    async fn apply(&self, db: &Transaction) -> Result<u64, StoreError> {
        let mut removed = 0;
        for piece in pieces(&self.ids) {
            let gone = Entity::delete_many()
                .filter(Column::OrganizationId.eq(self.organization))
                .filter(Column::Id.is_in(piece.iter().copied()));
            removed += gone.exec(db).await.map_err(failed)?.rows_affected;
        }
        Ok(removed)
    }
}
