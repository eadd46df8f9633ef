//! Claiming: the oldest results that wait become running, in batches.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use engine::model::Instant;
use engine::model::record::Records;
use engine::model::result::JobResult;
use engine::model::status::Status;
use engine::ports::StoreError;
use engine::ports::queue::{CLAIM_BATCH, Claimed, begin};
use sea_orm::prelude::*;
use sea_orm::sea_query::{self, Func, IntoIden, LockBehavior, LockType};
use sea_orm::{DatabaseTransaction, QueryOrder, QuerySelect};

use super::spoiled;
use crate::batch::pieces;
use crate::columns::micros;
use crate::entities::{job_inputs, job_results, leases, line_results};
use crate::writer::Single;
use crate::{failed, unavailable};

pub(super) struct Claim {
    pub limit: u32,
    pub now: Instant,
}

impl Single for Claim {
    type Answer = Vec<Claimed>;
    const DURABLE: bool = false;

    async fn apply(&self, db: &DatabaseTransaction) -> Result<Vec<Claimed>, StoreError> {
        let mut by_organization: BTreeMap<Uuid, Vec<leases::Model>> = BTreeMap::new();
        for lease in oldest_waiting(self.limit.min(CLAIM_BATCH)).all(db).await.map_err(failed)? {
            by_organization.entry(lease.organization_id).or_default().push(lease);
        }
        let mut claimed = Vec::new();
        for (organization, leases) in by_organization {
            for leases in pieces(&leases) {
                claimed.extend(claim_of_one(db, organization, leases, self.now).await?);
            }
        }
        claimed.sort_by_key(|one| (one.lease.result, one.lease.organization));
        Ok(claimed)
    }
}

/// What waits, oldest first. Where several nodes share a database, each takes
/// what no other is just taking.
fn oldest_waiting(limit: u32) -> Select<leases::Entity> {
    leases::Entity::find()
        // The bare column, as in the partial index that this walks.
        .filter(Expr::col((leases::Entity, leases::Column::Waiting)))
        .order_by_asc(leases::Column::JobResultId)
        .order_by_asc(leases::Column::OrganizationId)
        .limit(u64::from(limit))
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
}

async fn claim_of_one(
    db: &DatabaseTransaction,
    organization: Uuid,
    leases: &[leases::Model],
    now: Instant,
) -> Result<Vec<Claimed>, StoreError> {
    let mut batch = Batch { organization, ids: leases.iter().map(|lease| lease.job_result_id).collect() };
    let mut results = batch.results(db, now).await?;
    let mut inputs = batch.inputs(db, now).await?;
    batch.write(db, now).await?;
    let mut claimed = Vec::with_capacity(batch.ids.len());
    for lease in leases.iter().filter(|lease| batch.ids.contains(&lease.job_result_id)) {
        let id = lease.job_result_id;
        let mut result =
            results.remove(&id).ok_or_else(|| unavailable(format!("the job result {id} waits, but is absent")))?;
        begin(&mut result, now).map_err(unavailable)?;
        claimed.push(Claimed { lease: lease.claimed()?, result, records: inputs.remove(&id).unwrap_or_default() });
    }
    if claimed.iter().any(|one| one.result.attempt > 1) {
        batch.drop_lines(db).await?;
    }
    Ok(claimed)
}

/// Results of one organization that are claimed together.
struct Batch {
    organization: Uuid,
    /// Those that can be read.
    ids: BTreeSet<Uuid>,
}

impl Batch {
    async fn results(
        &mut self,
        db: &DatabaseTransaction,
        now: Instant,
    ) -> Result<HashMap<Uuid, JobResult>, StoreError> {
        let rows = job_results::Entity::find()
            .filter(job_results::Column::OrganizationId.eq(self.organization))
            .filter(job_results::Column::Id.is_in(self.ids.iter().copied()));
        let rows = rows.all(db).await.map_err(failed)?;
        self.readable(db, now, rows.into_iter().map(|row| (row.id, row.read()))).await
    }

    async fn inputs(&mut self, db: &DatabaseTransaction, now: Instant) -> Result<HashMap<Uuid, Records>, StoreError> {
        let rows = job_inputs::Entity::find()
            .filter(job_inputs::Column::OrganizationId.eq(self.organization))
            .filter(job_inputs::Column::JobResultId.is_in(self.ids.iter().copied()));
        let rows = rows.all(db).await.map_err(failed)?;
        self.readable(db, now, rows.into_iter().map(|row| (row.job_result_id, row.read()))).await
    }

    /// Ends the results that have an unreadable row, and leaves them out.
    async fn readable<T>(
        &mut self,
        db: &DatabaseTransaction,
        now: Instant,
        rows: impl Iterator<Item = (Uuid, Result<T, StoreError>)> + Send,
    ) -> Result<HashMap<Uuid, T>, StoreError> {
        let (good, spoiled): (Vec<_>, Vec<_>) = rows.partition(|(_, row)| row.is_ok());
        for (id, why) in spoiled.into_iter().filter_map(|(id, row)| Some((id, row.err()?))) {
            spoiled::end(db, self.organization, id, &why, now).await?;
            self.ids.remove(&id);
        }
        Ok(good.into_iter().filter_map(|(id, row)| Some((id, row.ok()?))).collect())
    }

    /// Writes for all at once what [`begin`] did to each.
    async fn write(&self, db: &DatabaseTransaction, now: Instant) -> Result<(), StoreError> {
        use job_results::Column::{Attempt, Id, OrganizationId, StartedAt, Status as StatusColumn};
        use leases::Column as Lease;
        let started_at = Func::coalesce([Expr::col(StartedAt), Expr::val(micros(now))]);
        let results = job_results::Entity::update_many()
            .col_expr(StatusColumn, Expr::val(Status::Running.word()))
            .col_expr(Attempt, one_more(Attempt))
            .col_expr(StartedAt, started_at.into())
            .filter(OrganizationId.eq(self.organization))
            .filter(Id.is_in(self.ids.iter().copied()));
        results.exec(db).await.map_err(failed)?;
        let leases = leases::Entity::update_many()
            .col_expr(Lease::Number, one_more(Lease::Number))
            .col_expr(Lease::Waiting, Expr::val(false))
            .filter(Lease::OrganizationId.eq(self.organization))
            .filter(Lease::JobResultId.is_in(self.ids.iter().copied()));
        leases.exec(db).await.map_err(failed)?;
        Ok(())
    }

    /// The lines of an earlier attempt. They run again, and what they did outside is done again under the same keys.
    async fn drop_lines(&self, db: &DatabaseTransaction) -> Result<(), StoreError> {
        let rows = line_results::Entity::delete_many()
            .filter(line_results::Column::OrganizationId.eq(self.organization))
            .filter(line_results::Column::JobResultId.is_in(self.ids.iter().copied()));
        rows.exec(db).await.map_err(failed)?;
        Ok(())
    }
}

fn one_more(column: impl IntoIden) -> Expr {
    sea_query::ExprTrait::add(Expr::col(column.into_iden()), 1)
}
