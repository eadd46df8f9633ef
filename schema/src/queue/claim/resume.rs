//! Where a result continues that was claimed before, or that retries another one.

use engine::model::organization::OrganizationId;
use engine::ports::StoreError;
use engine::ports::queue::Resume;
use sea_orm::QueryOrder;
use sea_orm::prelude::*;

use crate::entities::{batches, leases, line_results};
use crate::failed;
use crate::results::lines;
use crate::transaction::Transaction;

/// Reads what is done, and drops the results of lines that run again.
pub(super) async fn resume(db: &Transaction, lease: &leases::Model) -> Result<Resume, StoreError> {
    let row = lease.row_name();
    let at = lease.next_line.map(|line| row.small("next_line", line)).transpose()?;
    if lease.number > 0 {
        drop_lines(db, lease).await?;
    }
    let mut resume = Resume { at, failed_attempts: row.small("tries", lease.failed_attempts)?, ..Resume::default() };
    if at.is_some() {
        let rows = lines::of(OrganizationId(lease.organization_id), &[lease.job_result_id]);
        for row in rows.all(db).await.map_err(failed)? {
            resume.lines.push(row.read()?.1);
        }
    }
    if lease.has_sets {
        resume.batches = batches_of(db, lease).await?;
    }
    let crashes = lease.crashes()?;
    (resume.condemned, resume.careful) = (crashes.condemned(), crashes.any());
    Ok(resume)
}

/// The next line and those after it write new line results. Their recorded batches stay done.
async fn drop_lines(db: &Transaction, lease: &leases::Model) -> Result<(), StoreError> {
    let rows = line_results::Entity::delete_many()
        .filter(line_results::Column::OrganizationId.eq(lease.organization_id))
        .filter(line_results::Column::JobResultId.eq(lease.job_result_id))
        .filter(line_results::Column::LineNo.gte(lease.next_line.unwrap_or(0)));
    rows.exec(db).await.map_err(failed)?;
    Ok(())
}

async fn batches_of(
    db: &Transaction,
    lease: &leases::Model,
) -> Result<Vec<engine::ports::parts::BatchDone>, StoreError> {
    let rows = batches::Entity::find()
        .filter(batches::Column::OrganizationId.eq(lease.organization_id))
        .filter(batches::Column::JobResultId.eq(lease.job_result_id))
        .filter(batches::Column::LineNo.eq(lease.next_line))
        .order_by_asc(batches::Column::LineNo)
        .order_by_asc(batches::Column::Batch);
    rows.all(db).await.map_err(failed)?.into_iter().map(batches::Model::read).collect()
}
