//! Writes parts of sets of records.

use std::collections::BTreeMap;

use engine::ports::StoreError;
use sea_orm::sea_query::OnConflict;

use crate::batch::insert;
use crate::entities::parts;
use crate::transaction::Transaction;

/// How many bytes of text one statement carries, besides its last row.
const TEXT: usize = 1024 * 1024;

/// Adds parts or replaces them, with a bounded amount of text in each statement.
pub(crate) async fn insert_parts(db: &Transaction, rows: &[parts::Model]) -> Result<(), StoreError> {
    use parts::Column::{JobResultId, Kind, LineNo, OrganizationId, Part, Records};
    let key = [OrganizationId, JobResultId, LineNo, Kind, Part];
    let replaced = OnConflict::columns(key).update_column(Records).to_owned();
    // A statement may write a row only once, so the last version of a part is written.
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
