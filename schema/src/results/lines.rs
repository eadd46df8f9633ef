//! Reads and writes the line results of job results.

use std::collections::BTreeMap;

use engine::model::organization::OrganizationId;
use engine::model::result::JobResult;
use engine::model::status::Event;
use engine::ports::StoreError;
use engine::ports::queue::end_open_line;
use sea_orm::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{Iterable, QueryOrder};

use crate::batch::insert;
use crate::entities::line_results::{self, Column, Entity, Model};
use crate::transaction::Transaction;
use crate::{failed, unavailable};

/// The lines of results, by result and number.
pub(crate) fn of(organization: OrganizationId, ids: &[Uuid]) -> Select<Entity> {
    Entity::find()
        .filter(Column::OrganizationId.eq(organization.0))
        .filter(Column::JobResultId.is_in(ids.iter().copied()))
        .order_by_asc(Column::JobResultId)
        .order_by_asc(Column::LineNo)
}

/// Inserts or replaces line results. Of several rows for one line the last is written, since a statement may write a
/// row only once.
pub(crate) async fn write(db: &Transaction, rows: impl IntoIterator<Item = &Model>) -> Result<(), StoreError> {
    let last: BTreeMap<_, _> =
        rows.into_iter().map(|row| ((row.organization_id, row.job_result_id, row.line_no), row)).collect();
    let rows: Vec<_> = last.into_values().cloned().collect();
    let key = [Column::OrganizationId, Column::JobResultId, Column::LineNo];
    let others = Column::iter().skip(key.len());
    let replaced = OnConflict::columns(key).update_columns(others).to_owned();
    insert::<Entity>(db, &rows, Some(replaced)).await
}

/// Ends the open lines of a result that is killed or given up.
pub(crate) async fn end_open_lines(
    db: &Transaction,
    organization: OrganizationId,
    result: &JobResult,
    event: Event,
    message: &str,
) -> Result<(), StoreError> {
    let Some(at) = result.finished_at else { return Ok(()) };
    for row in of(organization, &[result.id.0]).all(db).await.map_err(failed)? {
        let (_, mut line) = row.read()?;
        if line.status.is_final() {
            continue;
        }
        end_open_line(&mut line, event, message, at).map_err(unavailable)?;
        let row = Entity::update_many()
            .set(line_results::interruption(&line))
            .filter(Column::OrganizationId.eq(organization.0))
            .filter(Column::JobResultId.eq(result.id.0))
            .filter(Column::LineNo.eq(line.line_no));
        row.exec(db).await.map_err(failed)?;
    }
    Ok(())
}
