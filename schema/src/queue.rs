//! The adapter of the `queue` port.

mod claim;
mod recover;
mod spoiled;

use async_trait::async_trait;
use engine::model::Instant;
use engine::model::action::ModuleDigest;
use engine::model::result::{JobResult, LineResult};
use engine::ports::StoreError;
use engine::ports::queue::{Claimed, Finish, Lease, LeaseError, Queue};
use sea_orm::ActiveValue::Set;
use sea_orm::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{DatabaseTransaction, IntoActiveModel, Iterable};

use crate::entities::{job_results, leases, line_results};
use crate::results::{found, write_end};
use crate::writer::Change;
use crate::{Store, failed, unavailable};

#[async_trait]
impl Queue for Store {
    async fn claim(&self, limit: u32, now: Instant) -> Result<Vec<Claimed>, StoreError> {
        self.writer.write(claim::Claim { limit, now }).await
    }

    async fn pin(&self, lease: Lease, modules: &[ModuleDigest]) -> Result<(), LeaseError> {
        self.writer.write(Pin { lease, modules: modules.to_vec() }).await?
    }

    async fn record(&self, lease: Lease, line: &LineResult) -> Result<(), LeaseError> {
        let row = line_results::Model::of(lease.organization, lease.result, line)?;
        self.writer.write(Record { lease, row }).await?
    }

    async fn finish(&self, lease: Lease, finish: Finish) -> Result<JobResult, LeaseError> {
        self.writer.write(FinishOne { lease, finish }).await?
    }

    async fn recover(&self, now: Instant) -> Result<u64, StoreError> {
        self.writer.write(recover::Recover { now }).await
    }
}

/// Whether the lease is still the newest, and its result running: a row that
/// waits for a claim, or is gone with the end of its result, is nobody's.
async fn is_held(db: &DatabaseTransaction, lease: Lease) -> Result<bool, StoreError> {
    let row = leases::Entity::find_by_id((lease.organization.0, lease.result.0)).one(db).await.map_err(failed)?;
    Ok(row.is_some_and(|row| !row.waiting && row.number == i64::from(lease.number)))
}

struct Pin {
    lease: Lease,
    modules: Vec<ModuleDigest>,
}

impl Change for Pin {
    type Answer = Result<(), LeaseError>;
    const DURABLE: bool = false;

    async fn apply(&self, db: &DatabaseTransaction) -> Result<Self::Answer, StoreError> {
        if !is_held(db, self.lease).await? {
            return Ok(Err(LeaseError::Lost));
        }
        let modules = Set(job_results::text_of_modules(&self.modules));
        let row = job_results::Entity::update_many()
            .set(job_results::ActiveModel { modules, ..Default::default() })
            .filter(job_results::Column::OrganizationId.eq(self.lease.organization.0))
            .filter(job_results::Column::Id.eq(self.lease.result.0));
        row.exec(db).await.map_err(failed)?;
        Ok(Ok(()))
    }
}

struct Record {
    lease: Lease,
    row: line_results::Model,
}

impl Change for Record {
    type Answer = Result<(), LeaseError>;
    const DURABLE: bool = false;

    async fn apply(&self, db: &DatabaseTransaction) -> Result<Self::Answer, StoreError> {
        use line_results::Column::{JobResultId, LineNo, OrganizationId};
        if !is_held(db, self.lease).await? {
            return Ok(Err(LeaseError::Lost));
        }
        let key = [OrganizationId, JobResultId, LineNo];
        let others = line_results::Column::iter().skip(key.len());
        let replaced = OnConflict::columns(key).update_columns(others).to_owned();
        let row = self.row.clone().into_active_model().reset_all();
        line_results::Entity::insert(row).on_conflict(replaced).exec_without_returning(db).await.map_err(failed)?;
        Ok(Ok(()))
    }
}

struct FinishOne {
    lease: Lease,
    finish: Finish,
}

impl Change for FinishOne {
    type Answer = Result<JobResult, LeaseError>;
    const DURABLE: bool = true;

    async fn apply(&self, db: &DatabaseTransaction) -> Result<Self::Answer, StoreError> {
        if !is_held(db, self.lease).await? {
            return Ok(Err(LeaseError::Lost));
        }
        let Some(mut result) = found(db, self.lease.organization, self.lease.result).await? else {
            return Ok(Err(LeaseError::Lost));
        };
        self.finish.clone().end(&mut result).map_err(unavailable)?;
        write_end(db, self.lease.organization, &result).await?;
        Ok(Ok(result))
    }
}
