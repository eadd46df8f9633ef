//! Ends results that wait but cannot be read. Such a result would come first in every claim and block the queue.

use engine::model::Instant;
use engine::model::status::{Event, Status, next};
use engine::ports::StoreError;
use sea_orm::ActiveValue::Set;
use sea_orm::prelude::*;

use crate::columns::micros;
use crate::entities::{job_results, leases};
use crate::results::end::promote;
use crate::transaction::Transaction;
use crate::{failed, unavailable};

/// Ends a result without reading it.
pub(super) async fn end(
    db: &Transaction,
    lease: &leases::Model,
    why: &StoreError,
    now: Instant,
) -> Result<(), StoreError> {
    let (organization, id) = (lease.organization_id, lease.job_result_id);
    tracing::error!(%organization, result = %id, error = %why, "a job result cannot be read and is ended");
    // It has a lease, so it is pending or running, and both may end in error.
    let status = next(Status::Running, Event::End(Status::Error)).map_err(unavailable)?;
    db.leases().remove((organization, id));
    let ended = job_results::ActiveModel {
        status: Set(status.word().to_owned()),
        message: Set("The stored data of this result cannot be read, so it did not run.".to_owned()),
        finished_at: Set(Some(micros(now))),
        ..Default::default()
    };
    let row = job_results::Entity::update_many()
        .set(ended)
        .filter(job_results::Column::OrganizationId.eq(organization))
        .filter(job_results::Column::Id.eq(id));
    row.exec(db).await.map_err(failed)?;
    promote(db, lease.ahead.then(|| (organization, lease.job_key.clone())));
    Ok(())
}
