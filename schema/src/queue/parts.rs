//! Stores sets of records in parts, and the outcomes of batches.

use std::collections::{BTreeMap, BTreeSet};

use engine::ports::StoreError;
use engine::ports::queue::{Lease, LeaseError};
use sea_orm::DatabaseTransaction;
use sea_orm::prelude::*;
use sea_orm::sea_query::OnConflict;

use super::lease_guard::{LeaseGuard, result_of};
use crate::batch::{by_organization, insert, pieces};
use crate::entities::{batches, leases, parts};
use crate::failed;
use crate::parts::insert_parts;
use crate::writer::Command;

pub(super) struct KeepParts {
    pub lease: Lease,
    pub rows: Vec<parts::Model>,
}

impl Command for KeepParts {
    type Answer = Result<(), LeaseError>;
    const DURABLE: bool = false;

    async fn apply(commands: &[&Self], db: &DatabaseTransaction) -> Result<Vec<Self::Answer>, StoreError> {
        let guard = LeaseGuard::among(db, commands.iter().map(|command| command.lease)).await?;
        for command in commands.iter().filter(|command| guard.check(command.lease).is_ok()) {
            command.drop_old_parts(db).await?;
            insert_parts(db, &command.rows).await?;
        }
        note_sets(db, &guard, commands.iter().filter(|command| !command.rows.is_empty()).map(|command| command.lease))
            .await?;
        Ok(commands.iter().map(|command| guard.check(command.lease)).collect())
    }
}

impl KeepParts {
    /// Drops the parts of an earlier attempt when a set is written from its first part on.
    async fn drop_old_parts(&self, db: &DatabaseTransaction) -> Result<(), StoreError> {
        for first in self.rows.iter().filter(|row| row.part == 0) {
            let rows = parts::Entity::delete_many()
                .filter(parts::Column::OrganizationId.eq(first.organization_id))
                .filter(parts::Column::JobResultId.eq(first.job_result_id))
                .filter(parts::Column::LineNo.eq(first.line_no))
                .filter(parts::Column::Kind.eq(&first.kind));
            rows.exec(db).await.map_err(failed)?;
        }
        Ok(())
    }
}

pub(super) struct RecordBatch {
    pub lease: Lease,
    pub row: batches::Model,
}

impl Command for RecordBatch {
    type Answer = Result<(), LeaseError>;
    const DURABLE: bool = true;

    async fn apply(commands: &[&Self], db: &DatabaseTransaction) -> Result<Vec<Self::Answer>, StoreError> {
        use batches::Column::{Batch, JobResultId, LineNo, OrganizationId, Outcome};
        let guard = LeaseGuard::among(db, commands.iter().map(|command| command.lease)).await?;
        let replaced =
            OnConflict::columns([OrganizationId, JobResultId, LineNo, Batch]).update_column(Outcome).to_owned();
        let mut rows = BTreeMap::new();
        for command in commands.iter().filter(|command| guard.check(command.lease).is_ok()) {
            rows.insert((result_of(command.lease), command.row.line_no, command.row.batch), command.row.clone());
        }
        insert::<batches::Entity>(db, &rows.into_values().collect::<Vec<_>>(), Some(replaced)).await?;
        note_sets(db, &guard, commands.iter().map(|command| command.lease)).await?;
        Ok(commands.iter().map(|command| guard.check(command.lease)).collect())
    }
}

/// Marks valid leases as having parts or batches, so that nothing is searched for when a result has none.
async fn note_sets(
    db: &DatabaseTransaction,
    guard: &LeaseGuard,
    leases: impl Iterator<Item = Lease>,
) -> Result<(), StoreError> {
    let unmarked = leases.filter(|lease| guard.get(*lease).is_ok_and(|row| !row.has_sets)).map(result_of);
    for (organization, ids) in by_organization(unmarked.collect::<BTreeSet<_>>()) {
        for ids in pieces(&ids) {
            let rows = leases::Entity::update_many()
                .col_expr(leases::Column::HasSets, Expr::val(true))
                .filter(leases::Column::OrganizationId.eq(organization))
                .filter(leases::Column::JobResultId.is_in(ids.iter().copied()));
            rows.exec(db).await.map_err(failed)?;
        }
    }
    Ok(())
}
