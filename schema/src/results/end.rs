//! What the end of a result brings about: nobody holds a lease on it, what was only kept to go
//! on from is dropped, what tells of it starts, and whoever waited for it may begin.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;

use engine::model::organization::OrganizationId;
use engine::model::result::JobResult;
use engine::ports::StoreError;
use engine::ports::parts::PartKind;
use engine::ports::results::NewResult;
use sea_orm::ActiveValue::Set;
use sea_orm::prelude::*;
use sea_orm::sea_query::{ExprTrait, OnConflict};
use sea_orm::{Condition, DatabaseTransaction};

use super::start::{jobs, start_all};
use crate::batch::{by_organization, insert, pieces};
use crate::entities::job_results::{self, Column, ENDED};
use crate::entities::leases::{self, Stands};
use crate::entities::{batches, parts};
use crate::schedules;
use crate::{failed, unavailable};

/// A result that ends in this transaction.
pub(crate) struct Ended {
    pub organization: OrganizationId,
    /// As it stands for ever.
    pub result: JobResult,
    /// Whether there are parts or batches of it.
    pub has_sets: bool,
    /// What is started with it.
    pub notices: Vec<NewResult>,
}

/// Ends results. They are in the table, and their status allows it. Tells whether a schedule goes on by that.
pub(crate) async fn end_all(db: &DatabaseTransaction, ended: Vec<Ended>) -> Result<bool, StoreError> {
    let rows = ended.iter().map(|one| job_results::Model::of(one.organization, &one.result));
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    drop_leases(db, rows.iter().map(|row| (row.organization_id, row.id))).await?;
    // Each insertion comes to an update.
    let changed = OnConflict::columns([Column::OrganizationId, Column::Id]).update_columns(ENDED).to_owned();
    insert::<job_results::Entity>(db, &rows, Some(changed)).await?;
    for one in ended.iter().filter(|one| one.has_sets) {
        tidy(db, one).await?;
    }
    tell(db, &ended).await?;
    let rearmed = schedules::complete(db, ended.iter().map(|one| (one.organization, &one.result))).await?;
    let jobs = ended.into_iter().filter(|one| one.result.is_real()).map(|one| (one.organization.0, one.result.job));
    promote(db, jobs).await?;
    Ok(rearmed)
}

pub(crate) async fn drop_leases(
    db: &DatabaseTransaction,
    places: impl Iterator<Item = (Uuid, Uuid)>,
) -> Result<(), StoreError> {
    for (organization, ids) in by_organization(places) {
        for ids in pieces(&ids) {
            let leases = leases::Entity::delete_many().filter(leases::Column::OrganizationId.eq(organization));
            leases.filter(leases::Column::JobResultId.is_in(ids.iter().copied())).exec(db).await.map_err(failed)?;
        }
    }
    Ok(())
}

/// Drops what only a result at work needs; the input of a line in error stays, and what would
/// join the set after it.
async fn tidy(db: &DatabaseTransaction, ended: &Ended) -> Result<(), StoreError> {
    let kept = ended.result.failed_line;
    let sets = parts::Entity::delete_many()
        .filter(parts::Column::OrganizationId.eq(ended.organization.0))
        .filter(parts::Column::JobResultId.eq(ended.result.id.0))
        .filter(parts::Column::Kind.is_in(parts::passing()))
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

/// Starts what tells of the ends. A start may itself end others, which this makes room for.
fn tell<'a>(
    db: &'a DatabaseTransaction,
    ended: &'a [Ended],
) -> Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + 'a>> {
    Box::pin(async move {
        let notices = ended.iter().flat_map(|one| one.notices.iter().map(|notice| (one.organization, notice)));
        let notices: Vec<_> = notices.collect();
        if notices.is_empty() {
            return Ok(());
        }
        for started in start_all(db, &notices).await? {
            started.map_err(unavailable)?;
        }
        Ok(())
    })
}

/// Lets the next result of each of these jobs begin, if no other is ahead of it.
pub(crate) async fn promote(
    db: &DatabaseTransaction,
    of: impl IntoIterator<Item = (Uuid, String)>,
) -> Result<(), StoreError> {
    let mut by_organization: BTreeMap<Uuid, BTreeSet<String>> = BTreeMap::new();
    for (organization, job) in of {
        by_organization.entry(organization).or_default().insert(job);
    }
    for (organization, keys) in by_organization {
        let keys: Vec<_> = keys.into_iter().collect();
        for first in jobs::unfinished(db, organization, &keys).await?.into_values() {
            let (None, Some(next)) = (first.ahead, first.behind) else { continue };
            let ready = leases::ActiveModel {
                stands: Set(Stands::Ready.word().to_owned()),
                ahead: Set(true),
                ..Default::default()
            };
            let row = leases::Entity::update_many()
                .set(ready)
                .filter(leases::Column::OrganizationId.eq(organization))
                .filter(leases::Column::JobResultId.eq(next));
            row.exec(db).await.map_err(failed)?;
        }
    }
    Ok(())
}
