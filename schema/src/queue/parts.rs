//! Stores sets of records in parts, and the outcomes of batches.

use std::collections::BTreeMap;

use engine::ports::StoreError;
use engine::ports::queue::{Lease, LeaseError};
use sea_orm::prelude::*;
use sea_orm::sea_query::OnConflict;

use crate::batch::insert;
use crate::entities::{batches, parts};
use crate::failed;
use crate::leases::key_of;
use crate::parts::insert_parts;
use crate::transaction::Transaction;
use crate::writer::Command;

pub(super) struct KeepParts {
    pub lease: Lease,
    pub rows: Vec<parts::Model>,
}

impl Command for KeepParts {
    type Answer = Result<(), LeaseError>;
    const DURABLE: bool = false;

    async fn apply(commands: &[&Self], db: &Transaction) -> Result<Vec<Self::Answer>, StoreError> {
        let held: Vec<_> = commands.iter().map(|command| db.leases().check(command.lease)).collect();
        for (command, _) in commands.iter().zip(&held).filter(|(_, held)| held.is_ok()) {
            command.drop_old_parts(db).await?;
            insert_parts(db, &command.rows).await?;
            if !command.rows.is_empty() {
                note_sets(db, command.lease);
            }
        }
        Ok(held)
    }
}

impl KeepParts {
    /// Drops the parts of an earlier attempt when a set is written from its first part on.
    async fn drop_old_parts(&self, db: &Transaction) -> Result<(), StoreError> {
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

    async fn apply(commands: &[&Self], db: &Transaction) -> Result<Vec<Self::Answer>, StoreError> {
        use batches::Column::{Batch, JobResultId, LineNo, OrganizationId, Outcome};
        let held: Vec<_> = commands.iter().map(|command| db.leases().check(command.lease)).collect();
        let replaced =
            OnConflict::columns([OrganizationId, JobResultId, LineNo, Batch]).update_column(Outcome).to_owned();
        let mut rows = BTreeMap::new();
        for (command, _) in commands.iter().zip(&held).filter(|(_, held)| held.is_ok()) {
            rows.insert((key_of(command.lease), command.row.line_no, command.row.batch), command.row.clone());
            note_sets(db, command.lease);
        }
        insert::<batches::Entity>(db, &rows.into_values().collect::<Vec<_>>(), Some(replaced)).await?;
        Ok(held)
    }
}

/// Marks a lease as having parts or batches, so that nothing is searched for when a result has none.
fn note_sets(db: &Transaction, lease: Lease) {
    db.leases().change(key_of(lease), |row| row.has_sets = true);
}
