//! Claims results of one organization together.

use std::collections::{BTreeMap, HashMap};

use engine::model::lifecycle::lease_state::LeaseState;
use engine::model::organization::OrganizationId;
use engine::model::record::Records;
use engine::model::result::{JobResult, ResultId};
use engine::model::status::Status;
use engine::ports::StoreError;
use engine::ports::queue::{Claim, Claimed, begin};
use sea_orm::DatabaseTransaction;
use sea_orm::prelude::*;
use sea_orm::sea_query::{self, Func, IntoIden};

use super::resume::resume;
use crate::columns::micros;
use crate::entities::leases;
use crate::entities::{job_inputs, job_results};
use crate::queue::end_unreadable;
use crate::{failed, unavailable};

pub(super) struct Batch {
    pub organization: Uuid,
    pub claim: Claim,
}

/// A result by its organization and id.
type ResultKey = (OrganizationId, ResultId);
/// The rows that can be read, by the id of their result.
type Readable<T> = HashMap<Uuid, T>;

impl Batch {
    pub async fn take(
        &self,
        db: &DatabaseTransaction,
        ids: &[Uuid],
    ) -> Result<HashMap<ResultKey, Claimed>, StoreError> {
        let mut leases = self.leases(db, ids).await?;
        let mut results = self.results(db, &mut leases).await?;
        let mut inputs = self.inputs(db, &mut leases).await?;
        let mut resumes = HashMap::new();
        for lease in leases.values().filter(|lease| lease.has_earlier_work()).cloned().collect::<Vec<_>>() {
            let resume = resume(db, &lease).await;
            resumes.extend(self.readable(db, &mut leases, [(lease.job_result_id, resume)]).await?);
        }
        self.write(db, leases.keys().copied()).await?;
        let mut claimed = HashMap::new();
        for (id, lease) in leases {
            let absent = || unavailable(format!("the job result {id} has a lease, but no row"));
            let mut result = results.remove(&id).ok_or_else(absent)?;
            begin(&mut result, self.claim.now).map_err(unavailable)?;
            let (records, resume) = (inputs.remove(&id).unwrap_or_default(), resumes.remove(&id));
            let key = (OrganizationId(self.organization), ResultId(id));
            claimed.insert(key, Claimed { lease: lease.claimed()?, result, records, resume });
        }
        Ok(claimed)
    }

    async fn leases(
        &self,
        db: &DatabaseTransaction,
        ids: &[Uuid],
    ) -> Result<BTreeMap<Uuid, leases::Model>, StoreError> {
        let rows = leases::Entity::find()
            .filter(leases::Column::OrganizationId.eq(self.organization))
            .filter(leases::Column::JobResultId.is_in(ids.iter().copied()));
        let rows = rows.all(db).await.map_err(failed)?;
        Ok(rows.into_iter().map(|row| (row.job_result_id, row)).collect())
    }

    async fn results(
        &self,
        db: &DatabaseTransaction,
        leases: &mut BTreeMap<Uuid, leases::Model>,
    ) -> Result<Readable<JobResult>, StoreError> {
        let rows = job_results::Entity::find()
            .filter(job_results::Column::OrganizationId.eq(self.organization))
            .filter(job_results::Column::Id.is_in(leases.keys().copied()));
        let rows = rows.all(db).await.map_err(failed)?;
        self.readable(db, leases, rows.into_iter().map(|row| (row.id, row.read()))).await
    }

    async fn inputs(
        &self,
        db: &DatabaseTransaction,
        leases: &mut BTreeMap<Uuid, leases::Model>,
    ) -> Result<Readable<Records>, StoreError> {
        let rows = job_inputs::Entity::find()
            .filter(job_inputs::Column::OrganizationId.eq(self.organization))
            .filter(job_inputs::Column::JobResultId.is_in(leases.keys().copied()));
        let rows = rows.all(db).await.map_err(failed)?;
        self.readable(db, leases, rows.into_iter().map(|row| (row.job_result_id, row.read()))).await
    }

    /// Ends the results that have an unreadable row, and returns the rows of the others.
    async fn readable<T>(
        &self,
        db: &DatabaseTransaction,
        leases: &mut BTreeMap<Uuid, leases::Model>,
        rows: impl IntoIterator<Item = (Uuid, Result<T, StoreError>)> + Send,
    ) -> Result<Readable<T>, StoreError> {
        let (readable, unreadable): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, row)| row.is_ok());
        for (id, error) in unreadable.into_iter().filter_map(|(id, row)| Some((id, row.err()?))) {
            if !matches!(error, StoreError::Unreadable(_)) {
                return Err(error);
            }
            if let Some(lease) = leases.remove(&id) {
                end_unreadable::end(db, &lease, &error, self.claim.now).await?;
            }
        }
        Ok(readable.into_iter().filter_map(|(id, row)| Some((id, row.ok()?))).collect())
    }

    /// Writes the changes that [`begin`] makes to each result, for all in two statements.
    async fn write(&self, db: &DatabaseTransaction, ids: impl Iterator<Item = Uuid> + Clone) -> Result<(), StoreError> {
        use job_results::Column::{Attempt, Id, OrganizationId, StartedAt, Status as StatusColumn};
        use leases::Column as Lease;
        let started_at = Func::coalesce([Expr::col(StartedAt), Expr::val(micros(self.claim.now))]);
        let results = job_results::Entity::update_many()
            .col_expr(StatusColumn, Expr::val(Status::Running.word()))
            .col_expr(Attempt, plus_one(Attempt))
            .col_expr(StartedAt, started_at.into())
            .filter(OrganizationId.eq(self.organization))
            .filter(Id.is_in(ids.clone()));
        results.exec(db).await.map_err(failed)?;
        let leases = leases::Entity::update_many()
            .col_expr(Lease::Number, plus_one(Lease::Number))
            .col_expr(Lease::State, Expr::val(LeaseState::Leased.word()))
            .col_expr(Lease::Node, Expr::val(self.claim.node.0))
            .col_expr(Lease::ReadyAt, Expr::val(None::<i64>))
            .filter(Lease::OrganizationId.eq(self.organization))
            .filter(Lease::JobResultId.is_in(ids));
        leases.exec(db).await.map_err(failed)?;
        Ok(())
    }
}

fn plus_one(column: impl IntoIden) -> Expr {
    sea_query::ExprTrait::add(Expr::col(column.into_iden()), 1)
}
