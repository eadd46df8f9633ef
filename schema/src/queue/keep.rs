//! Keeping sets in parts, and batches that are done.

use std::collections::{BTreeMap, BTreeSet};

use engine::ports::StoreError;
use engine::ports::queue::{Lease, LeaseError};
use sea_orm::DatabaseTransaction;
use sea_orm::prelude::*;
use sea_orm::sea_query::OnConflict;

use super::held::{Held, place};
use crate::batch::{by_organization, insert, pieces};
use crate::entities::{batches, leases, parts};
use crate::failed;
use crate::writer::Change;

/// How much text one statement brings, besides its last row.
const TEXT: usize = 1024 * 1024;

pub(super) struct Keep {
    pub lease: Lease,
    pub rows: Vec<parts::Model>,
}

impl Change for Keep {
    type Answer = Result<(), LeaseError>;
    const DURABLE: bool = false;

    async fn apply(changes: &[&Self], db: &DatabaseTransaction) -> Result<Vec<Self::Answer>, StoreError> {
        let held = Held::among(db, changes.iter().map(|change| change.lease)).await?;
        for change in changes.iter().filter(|change| held.check(change.lease).is_ok()) {
            change.begin_anew(db).await?;
            insert_parts(db, &change.rows).await?;
        }
        note_sets(db, &held, changes.iter().filter(|change| !change.rows.is_empty()).map(|change| change.lease))
            .await?;
        Ok(changes.iter().map(|change| held.check(change.lease)).collect())
    }
}

impl Keep {
    /// Drops what was there of the sets that begin.
    async fn begin_anew(&self, db: &DatabaseTransaction) -> Result<(), StoreError> {
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

impl Change for RecordBatch {
    type Answer = Result<(), LeaseError>;
    const DURABLE: bool = true;

    async fn apply(changes: &[&Self], db: &DatabaseTransaction) -> Result<Vec<Self::Answer>, StoreError> {
        use batches::Column::{Batch, JobResultId, LineNo, OrganizationId, Outcome};
        let held = Held::among(db, changes.iter().map(|change| change.lease)).await?;
        let replaced =
            OnConflict::columns([OrganizationId, JobResultId, LineNo, Batch]).update_column(Outcome).to_owned();
        let mut rows = BTreeMap::new();
        for change in changes.iter().filter(|change| held.check(change.lease).is_ok()) {
            rows.insert((place(change.lease), change.row.line_no, change.row.batch), change.row.clone());
        }
        insert::<batches::Entity>(db, &rows.into_values().collect::<Vec<_>>(), Some(replaced)).await?;
        note_sets(db, &held, changes.iter().map(|change| change.lease)).await?;
        Ok(changes.iter().map(|change| held.check(change.lease)).collect())
    }
}

/// Adds parts, a bounded amount of text at a time. One that is there is replaced.
pub(crate) async fn insert_parts(db: &DatabaseTransaction, rows: &[parts::Model]) -> Result<(), StoreError> {
    use parts::Column::{JobResultId, Kind, LineNo, OrganizationId, Part, Records};
    let key = [OrganizationId, JobResultId, LineNo, Kind, Part];
    let replaced = OnConflict::columns(key).update_column(Records).to_owned();
    // One statement may write a row once: the last word on a part is written.
    let last: BTreeMap<_, _> = rows.iter().map(|row| ((row.line_no, &row.kind, row.part), row)).collect();
    let rows: Vec<_> = last.into_values().collect();
    let mut rest = rows.as_slice();
    while !rest.is_empty() {
        let before = rest.iter().scan(0, |text, row| {
            let before = *text;
            *text += row.records.len();
            Some(before)
        });
        let (some, others) = rest.split_at(before.take_while(|before| *before < TEXT).count());
        let some: Vec<_> = some.iter().map(|row| (*row).clone()).collect();
        insert::<parts::Entity>(db, &some, Some(replaced.clone())).await?;
        rest = others;
    }
    Ok(())
}

/// Says of the leases that are good that there are parts or batches, so that whoever drops them
/// looks for none where none are.
async fn note_sets(
    db: &DatabaseTransaction,
    held: &Held,
    leases: impl Iterator<Item = Lease>,
) -> Result<(), StoreError> {
    let first = leases.filter(|lease| held.get(*lease).is_ok_and(|row| !row.has_sets)).map(place);
    for (organization, ids) in by_organization(first.collect::<BTreeSet<_>>()) {
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
