//! Claims results of one organization together.

use std::collections::{BTreeMap, HashMap};

use engine::model::lifecycle::lease_state::LeaseState;
use engine::model::organization::OrganizationId;
use engine::model::record::Records;
use engine::model::result::{JobResult, ResultId};
use engine::model::status::Status;
use engine::ports::StoreError;
use engine::ports::queue::{Claim, Claimed, begin};
use sea_orm::prelude::*;
use sea_orm::sea_query::{self, Func, IntoIden};

use super::resume::resume;
use crate::batch::pieces;
use crate::columns::micros;
use crate::entities::leases;
use crate::entities::{job_inputs, job_results};
use crate::queue::end_unreadable;
use crate::transaction::Transaction;
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
    pub async fn take(&self, db: &Transaction, ids: &[Uuid]) -> Result<HashMap<ResultKey, Claimed>, StoreError> {
        let mut leases = self.leases(db, ids);
        let mut started = HashMap::new();
        for id in leases.keys() {
            started.extend(db.leases().handover.take_started((self.organization, *id)).map(|started| (*id, started)));
        }
        let unknown: Vec<_> = leases.keys().copied().filter(|id| !started.contains_key(id)).collect();
        let mut results = self.results(db, &mut leases, &unknown).await?;
        let mut inputs = self.inputs(db, &mut leases, &unknown).await?;
        for (id, (result, records)) in started {
            results.insert(id, result);
            inputs.insert(id, records);
        }
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
            db.leases().handover.keep_running((self.organization, id), result.clone());
            let key = (OrganizationId(self.organization), ResultId(id));
            claimed.insert(key, Claimed { lease: lease.claimed()?, result, records, resume });
        }
        Ok(claimed)
    }

    fn leases(&self, db: &Transaction, ids: &[Uuid]) -> BTreeMap<Uuid, leases::Model> {
        let leases = db.leases();
        let rows = ids.iter().filter_map(|id| Some((*id, leases.get((self.organization, *id))?.clone())));
        rows.collect()
    }

    async fn results(
        &self,
        db: &Transaction,
        leases: &mut BTreeMap<Uuid, leases::Model>,
        ids: &[Uuid],
    ) -> Result<Readable<JobResult>, StoreError> {
        let mut rows = Vec::new();
        for ids in pieces(ids) {
            let some = job_results::Entity::find().filter(job_results::Column::OrganizationId.eq(self.organization));
            let some = some.filter(job_results::Column::Id.is_in(ids.iter().copied()));
            rows.extend(some.all(db).await.map_err(failed)?);
        }
        self.readable(db, leases, rows.into_iter().map(|row| (row.id, row.read()))).await
    }

    async fn inputs(
        &self,
        db: &Transaction,
        leases: &mut BTreeMap<Uuid, leases::Model>,
        ids: &[Uuid],
    ) -> Result<Readable<Records>, StoreError> {
        let mut rows = Vec::new();
        for ids in pieces(ids) {
            let some = job_inputs::Entity::find().filter(job_inputs::Column::OrganizationId.eq(self.organization));
            let some = some.filter(job_inputs::Column::JobResultId.is_in(ids.iter().copied()));
            rows.extend(some.all(db).await.map_err(failed)?);
        }
        self.readable(db, leases, rows.into_iter().map(|row| (row.job_result_id, row.read()))).await
    }

    /// Ends the results that have an unreadable row, and returns the rows of the others.
    async fn readable<T>(
        &self,
        db: &Transaction,
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

    /// Writes the changes that [`begin`] makes to each result, for all in one statement, and leases them.
    async fn write(&self, db: &Transaction, ids: impl Iterator<Item = Uuid> + Clone) -> Result<(), StoreError> {
        use job_results::Column::{Attempt, Id, OrganizationId, StartedAt, Status as StatusColumn};
        let started_at = Func::coalesce([Expr::col(StartedAt), Expr::val(micros(self.claim.now))]);
        let results = job_results::Entity::update_many()
            .col_expr(StatusColumn, Expr::val(Status::Running.word()))
            .col_expr(Attempt, plus_one(Attempt))
            .col_expr(StartedAt, started_at.into())
            .filter(OrganizationId.eq(self.organization))
            .filter(Id.is_in(ids.clone()));
        results.exec(db).await.map_err(failed)?;
        for id in ids {
            db.leases().change((self.organization, id), |row| {
                row.number += 1;
                LeaseState::Leased.word().clone_into(&mut row.state);
                (row.node, row.ready_at) = (Some(self.claim.node.0), None);
            });
        }
        Ok(())
    }
}

fn plus_one(column: impl IntoIden) -> Expr {
    sea_query::ExprTrait::add(Expr::col(column.into_iden()), 1)
}
