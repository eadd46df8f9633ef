//! Ends results: drops their leases and temporary sets, starts their notifications, and lets results begin that waited
//! for them.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;

use engine::model::lifecycle::lease_state::LeaseState;
use engine::model::organization::OrganizationId;
use engine::model::result::JobResult;
use engine::ports::StoreError;
use engine::ports::parts::PartKind;
use engine::ports::results::NewResult;
use sea_orm::ActiveValue::Set;
use sea_orm::prelude::*;
use sea_orm::sea_query::{ExprTrait, OnConflict};
use sea_orm::{Condition, DatabaseTransaction};

use super::start::{start_all, unfinished};
use crate::batch::{by_organization, insert, pieces};
use crate::entities::job_results::{self, Column, END_COLUMNS};
use crate::entities::leases;
use crate::entities::{batches, parts};
use crate::{failed, schedules, unavailable};

/// A result that ends in this transaction.
pub(crate) struct EndedResult {
    pub organization: OrganizationId,
    /// Its final state.
    pub result: JobResult,
    /// Whether it has parts or batches.
    pub has_sets: bool,
    /// The notifications to start.
    pub notifications: Vec<NewResult>,
}

/// Ends results that are in the table and may end. Returns whether this arms a schedule again.
pub(crate) async fn end_all(db: &DatabaseTransaction, ended: Vec<EndedResult>) -> Result<bool, StoreError> {
    let rows = ended.iter().map(|one| job_results::Model::of(one.organization, &one.result));
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    drop_leases(db, rows.iter().map(|row| (row.organization_id, row.id))).await?;
    // The rows exist, so each insertion becomes an update.
    let changed = OnConflict::columns([Column::OrganizationId, Column::Id]).update_columns(END_COLUMNS).to_owned();
    insert::<job_results::Entity>(db, &rows, Some(changed)).await?;
    for one in ended.iter().filter(|one| one.has_sets) {
        drop_temporary(db, one).await?;
    }
    start_notifications(db, &ended).await?;
    let rearmed = schedules::complete(db, ended.iter().map(|one| (one.organization, &one.result))).await?;
    let jobs = ended.into_iter().filter(|one| one.result.is_real()).map(|one| (one.organization.0, one.result.job));
    promote(db, jobs).await?;
    Ok(rearmed)
}

pub(crate) async fn drop_leases(
    db: &DatabaseTransaction,
    ids: impl Iterator<Item = (Uuid, Uuid)>,
) -> Result<(), StoreError> {
    for (organization, ids) in by_organization(ids) {
        for ids in pieces(&ids) {
            let leases = leases::Entity::delete_many().filter(leases::Column::OrganizationId.eq(organization));
            leases.filter(leases::Column::JobResultId.is_in(ids.iter().copied())).exec(db).await.map_err(failed)?;
        }
    }
    Ok(())
}

/// Drops what only a running result needs. A retry needs the input of the failed line, and the sets that later lines
/// join with, so these stay.
async fn drop_temporary(db: &DatabaseTransaction, ended: &EndedResult) -> Result<(), StoreError> {
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

/// Starts the notifications of ended results. It is boxed because a start may itself end results.
fn start_notifications<'a>(
    db: &'a DatabaseTransaction,
    ended: &'a [EndedResult],
) -> Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + 'a>> {
    Box::pin(async move {
        let of = |one: &'a EndedResult| one.notifications.iter().map(|notification| (one.organization, notification));
        let notifications: Vec<_> = ended.iter().flat_map(of).collect();
        if notifications.is_empty() {
            return Ok(());
        }
        for started in start_all(db, &notifications).await? {
            started.map_err(unavailable)?;
        }
        Ok(())
    })
}

/// Lets the next result of each of these jobs begin, unless another one is ahead of it.
pub(crate) async fn promote(
    db: &DatabaseTransaction,
    jobs: impl IntoIterator<Item = (Uuid, String)>,
) -> Result<(), StoreError> {
    let mut by_organization: BTreeMap<Uuid, BTreeSet<String>> = BTreeMap::new();
    for (organization, job) in jobs {
        by_organization.entry(organization).or_default().insert(job);
    }
    for (organization, keys) in by_organization {
        let keys: Vec<_> = keys.into_iter().collect();
        for first in unfinished::unfinished(db, organization, &keys).await?.into_values() {
            let Some(next) = first.promoted() else { continue };
            let ready = leases::ActiveModel {
                stands: Set(LeaseState::Ready.word().to_owned()),
                ahead: Set(true),
                ..Default::default()
            };
            let row = leases::Entity::update_many()
                .set(ready)
                .filter(leases::Column::OrganizationId.eq(organization))
                .filter(leases::Column::JobResultId.eq(next.0));
            row.exec(db).await.map_err(failed)?;
        }
    }
    Ok(())
}
