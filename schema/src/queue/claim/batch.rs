//! Results of one organization that are claimed together.

use std::collections::{BTreeMap, HashMap};

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
use crate::entities::leases::{self, Stands};
use crate::entities::{job_inputs, job_results};
use crate::queue::spoiled;
use crate::{failed, unavailable};

pub(super) struct Batch {
    pub organization: Uuid,
    pub claim: Claim,
}

type Place = (OrganizationId, ResultId);
/// Rows that can be read, by their result.
type Readable<T> = HashMap<Uuid, T>;

impl Batch {
    pub async fn take(&self, db: &DatabaseTransaction, ids: &[Uuid]) -> Result<HashMap<Place, Claimed>, StoreError> {
        let mut leases = self.leases(db, ids).await?;
        let mut results = self.results(db, &mut leases).await?;
        let mut inputs = self.inputs(db, &mut leases).await?;
        let mut resumes = HashMap::new();
        for lease in leases.values().filter(|lease| lease.goes_on()).cloned().collect::<Vec<_>>() {
            let resume = resume(db, &lease).await;
            resumes.extend(self.readable(db, &mut leases, [(lease.job_result_id, resume)]).await?);
        }
        self.write(db, leases.keys().copied()).await?;
        let mut claimed = HashMap::new();
        for (id, lease) in leases {
            let absent = || unavailable(format!("the job result {id} waits, but is absent"));
            let mut result = results.remove(&id).ok_or_else(absent)?;
            begin(&mut result, self.claim.now).map_err(unavailable)?;
            let (records, resume) = (inputs.remove(&id).unwrap_or_default(), resumes.remove(&id));
            let place = (OrganizationId(self.organization), ResultId(id));
            claimed.insert(place, Claimed { lease: lease.claimed()?, result, records, resume });
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

    /// Ends the results that have an unreadable row, and leaves them out.
    async fn readable<T>(
        &self,
        db: &DatabaseTransaction,
        leases: &mut BTreeMap<Uuid, leases::Model>,
        rows: impl IntoIterator<Item = (Uuid, Result<T, StoreError>)> + Send,
    ) -> Result<Readable<T>, StoreError> {
        let (good, spoiled): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, row)| row.is_ok());
        for (id, why) in spoiled.into_iter().filter_map(|(id, row)| Some((id, row.err()?))) {
            if !matches!(why, StoreError::Unreadable(_)) {
                return Err(why);
            }
            if let Some(lease) = leases.remove(&id) {
                spoiled::end(db, &lease, &why, self.claim.now).await?;
            }
        }
        Ok(good.into_iter().filter_map(|(id, row)| Some((id, row.ok()?))).collect())
    }

    /// Writes for all at once what [`begin`] did to each.
    async fn write(&self, db: &DatabaseTransaction, ids: impl Iterator<Item = Uuid> + Clone) -> Result<(), StoreError> {
        use job_results::Column::{Attempt, Id, OrganizationId, StartedAt, Status as StatusColumn};
        use leases::Column as Lease;
        let started_at = Func::coalesce([Expr::col(StartedAt), Expr::val(micros(self.claim.now))]);
        let results = job_results::Entity::update_many()
            .col_expr(StatusColumn, Expr::val(Status::Running.word()))
            .col_expr(Attempt, one_more(Attempt))
            .col_expr(StartedAt, started_at.into())
            .filter(OrganizationId.eq(self.organization))
            .filter(Id.is_in(ids.clone()));
        results.exec(db).await.map_err(failed)?;
        let leases = leases::Entity::update_many()
            .col_expr(Lease::Number, one_more(Lease::Number))
            .col_expr(Lease::Stands, Expr::val(Stands::Leased.word()))
            .col_expr(Lease::Node, Expr::val(self.claim.node.0))
            .col_expr(Lease::ReadyAt, Expr::val(None::<i64>))
            .filter(Lease::OrganizationId.eq(self.organization))
            .filter(Lease::JobResultId.is_in(ids));
        leases.exec(db).await.map_err(failed)?;
        Ok(())
    }
}

fn one_more(column: impl IntoIden) -> Expr {
    sea_query::ExprTrait::add(Expr::col(column.into_iden()), 1)
}
