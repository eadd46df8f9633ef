//! Ends results: drops their leases and temporary sets, and lets results begin that waited for them.

use engine::model::Instant;
use engine::model::organization::OrganizationId;
use engine::model::result::{JobResult, ResultId};
use engine::model::status::Event;
use engine::ports::StoreError;
use engine::ports::parts::PartKind;
use engine::ports::results::{Kill, replaced};
use sea_orm::Condition;
use sea_orm::prelude::*;
use sea_orm::sea_query::{ExprTrait, OnConflict};

use super::{found_all, lines};
use crate::batch::insert;
use crate::entities::job_results::{self, Column, END_COLUMNS};
use crate::entities::{batches, leases, parts};
use crate::transaction::Transaction;
use crate::{failed, schedules, unavailable};

/// A result that ends in this transaction.
pub(crate) struct EndedResult {
    pub organization: OrganizationId,
    /// Its final state.
    pub result: JobResult,
    /// Whether it has parts or batches.
    pub has_sets: bool,
}

/// Ends results that are in the table and may end. Returns whether this arms a schedule again.
pub(crate) async fn end_all(db: &Transaction, ended: Vec<EndedResult>) -> Result<bool, StoreError> {
    let rows = ended.iter().map(|one| job_results::Model::of(one.organization, &one.result));
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    rows.iter().for_each(|row| db.leases().remove((row.organization_id, row.id)));
    // The rows exist, so each insertion becomes an update.
    let changed = OnConflict::columns([Column::OrganizationId, Column::Id]).update_columns(END_COLUMNS).to_owned();
    insert::<job_results::Entity>(db, &rows, Some(changed)).await?;
    for one in ended.iter().filter(|one| one.has_sets) {
        drop_temporary(db, one).await?;
    }
    let armed_schedule = schedules::complete(db, ended.iter().map(|one| (one.organization, &one.result))).await?;
    let jobs = ended.into_iter().filter(|one| one.result.is_real()).map(|one| (one.organization.0, one.result.job));
    promote(db, jobs);
    Ok(armed_schedule)
}

/// Drops what only a running result needs. A retry needs the input of the failed line, and the sets that later lines
/// join with, so these stay.
async fn drop_temporary(db: &Transaction, ended: &EndedResult) -> Result<(), StoreError> {
    let kept = ended.result.failed_line;
    let sets = parts::Entity::delete_many()
        .filter(parts::Column::OrganizationId.eq(ended.organization.0))
        .filter(parts::Column::JobResultId.eq(ended.result.id.0))
        .filter(parts::Column::Kind.is_in(parts::temporary()))
        .filter(Condition::all().add_option(kept.map(|kept| {
            let joins = parts::Column::LineNo.gt(kept).and(parts::Column::Kind.eq(PartKind::Joining.word()));
            parts::Column::LineNo.ne(kept).and(joins.not())
        })));
    sets.exec(db).await.map_err(failed)?;
    let done = batches::Entity::delete_many()
        .filter(batches::Column::OrganizationId.eq(ended.organization.0))
        .filter(batches::Column::JobResultId.eq(ended.result.id.0))
        .filter(Condition::all().add_option(kept.map(|kept| batches::Column::LineNo.ne(kept))));
    done.exec(db).await.map_err(failed)?;
    Ok(())
}

/// Lets the next result of each of these jobs begin, unless another one is ahead of it.
pub(crate) fn promote(db: &Transaction, jobs: impl IntoIterator<Item = (Uuid, String)>) {
    let mut leases = db.leases();
    for (organization, job) in jobs {
        let Some(next) = leases.unfinished(organization, &job).promoted() else { continue };
        leases.change((organization, next.0), |row| {
            row.make_ready();
            row.ahead = true;
        });
    }
}

/// Kills all results of a job that have not ended, in favour of a new one.
pub(super) async fn replace(
    db: &Transaction,
    (organization, job): (OrganizationId, &str),
    (by, at): (ResultId, Instant),
) -> Result<Vec<ResultId>, StoreError> {
    let others = db.leases().of_job(organization.0, job);
    kill_all(db, organization, others, &replaced(by, at)).await
}

/// Kills the results with these leases, oldest first, without notifications.
pub(crate) async fn kill_all(
    db: &Transaction,
    organization: OrganizationId,
    mut leases: Vec<leases::Model>,
    kill: &Kill,
) -> Result<Vec<ResultId>, StoreError> {
    leases.sort_by_key(|lease| lease.job_result_id);
    let mut results = found_all(db, leases.iter().map(|lease| (organization.0, lease.job_result_id))).await?;
    let mut ended = Vec::with_capacity(leases.len());
    for lease in &leases {
        let row = results.remove(&(organization.0, lease.job_result_id));
        let mut result = row.ok_or_else(|| unavailable("a job result has a lease, but no row"))?.read()?;
        kill.end(&mut result).map_err(unavailable)?;
        if result.started_at.is_some() {
            lines::end_open_lines(db, organization, &result, Event::Kill, &kill.line_message).await?;
        }
        ended.push(EndedResult { organization, result, has_sets: lease.has_sets });
    }
    end_all(db, ended).await?;
    Ok(leases.iter().map(|lease| ResultId(lease.job_result_id)).collect())
}
