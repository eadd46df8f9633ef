//! The adapter of the `queue` port.

mod claim;
mod recover;
mod release;
mod spoiled;

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use engine::model::Instant;
use engine::model::action::ModuleDigest;
use engine::model::result::{JobResult, LineResult};
use engine::ports::StoreError;
use engine::ports::queue::{Claimed, Finish, Lease, LeaseError, Queue};
use sea_orm::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{DatabaseTransaction, Iterable};

use crate::batch::{by_organization, insert, pieces};
use crate::entities::{job_results, leases, line_results};
use crate::results::{found_all, write_ends};
use crate::writer::Change;
use crate::{Store, failed, unavailable};

#[async_trait]
impl Queue for Store {
    async fn claim(&self, limit: u32, now: Instant) -> Result<Vec<Claimed>, StoreError> {
        self.writer.write_one(claim::Claim { limit, now }).await
    }

    async fn pin(&self, lease: Lease, modules: &[ModuleDigest]) -> Result<(), LeaseError> {
        self.writer.write(Pin { lease, modules: job_results::text_of_modules(modules) }).await?
    }

    async fn record(&self, lease: Lease, line: &LineResult) -> Result<(), LeaseError> {
        let row = line_results::Model::of(lease.organization, lease.result, line)?;
        self.writer.write(Record { lease, row }).await?
    }

    async fn finish(&self, lease: Lease, finish: Finish) -> Result<JobResult, LeaseError> {
        self.writer.write(FinishOne { lease, finish }).await?
    }

    async fn release(&self, lease: Lease) -> Result<(), LeaseError> {
        self.writer.write(release::Release { lease }).await?
    }

    async fn recover(&self, now: Instant) -> Result<u64, StoreError> {
        self.writer.write_one(recover::Recover { now }).await
    }
}

/// Which leases are still the newest, and their results running: a row that waits
/// for a claim, or is gone with the end of its result, is nobody's.
struct Held(HashMap<(Uuid, Uuid), i64>);

fn place(lease: Lease) -> (Uuid, Uuid) {
    (lease.organization.0, lease.result.0)
}

impl Held {
    async fn among(db: &DatabaseTransaction, leases: impl Iterator<Item = Lease>) -> Result<Self, StoreError> {
        let mut held = HashMap::new();
        for (organization, ids) in by_organization(leases.map(place)) {
            for ids in pieces(&ids) {
                let rows = leases::Entity::find().filter(leases::Column::OrganizationId.eq(organization));
                let rows = rows
                    .filter(leases::Column::JobResultId.is_in(ids.iter().copied()))
                    .all(db)
                    .await
                    .map_err(failed)?;
                held.extend(
                    rows.into_iter()
                        .filter(|row| !row.waiting)
                        .map(|row| ((organization, row.job_result_id), row.number)),
                );
            }
        }
        Ok(Self(held))
    }

    fn check(&self, lease: Lease) -> Result<(), LeaseError> {
        let held = self.0.get(&place(lease)).is_some_and(|number| *number == i64::from(lease.number));
        if held { Ok(()) } else { Err(LeaseError::Lost) }
    }
}

struct Pin {
    lease: Lease,
    modules: String,
}

impl Change for Pin {
    type Answer = Result<(), LeaseError>;
    const DURABLE: bool = false;

    async fn apply(changes: &[&Self], db: &DatabaseTransaction) -> Result<Vec<Self::Answer>, StoreError> {
        use job_results::Column::{Id, Modules, OrganizationId};
        let held = Held::among(db, changes.iter().map(|change| change.lease)).await?;
        // Those that run together mostly run with the same modules.
        let mut alike: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for change in changes.iter().filter(|change| held.check(change.lease).is_ok()) {
            alike.entry(&change.modules).or_default().push(place(change.lease));
        }
        for (modules, places) in alike {
            for (organization, ids) in by_organization(places) {
                for ids in pieces(&ids) {
                    let rows = job_results::Entity::update_many().col_expr(Modules, Expr::val(modules));
                    let rows = rows.filter(OrganizationId.eq(organization)).filter(Id.is_in(ids.iter().copied()));
                    rows.exec(db).await.map_err(failed)?;
                }
            }
        }
        Ok(changes.iter().map(|change| held.check(change.lease)).collect())
    }
}

struct Record {
    lease: Lease,
    row: line_results::Model,
}

impl Change for Record {
    type Answer = Result<(), LeaseError>;
    const DURABLE: bool = false;

    async fn apply(changes: &[&Self], db: &DatabaseTransaction) -> Result<Vec<Self::Answer>, StoreError> {
        use line_results::Column::{JobResultId, LineNo, OrganizationId};
        let held = Held::among(db, changes.iter().map(|change| change.lease)).await?;
        // One statement may write a row once: the last word on a line is written.
        let mut rows = BTreeMap::new();
        for change in changes.iter().filter(|change| held.check(change.lease).is_ok()) {
            rows.insert((place(change.lease), change.row.line_no), change.row.clone());
        }
        let rows: Vec<_> = rows.into_values().collect();
        let key = [OrganizationId, JobResultId, LineNo];
        let others = line_results::Column::iter().skip(key.len());
        let replaced = OnConflict::columns(key).update_columns(others).to_owned();
        insert::<line_results::Entity>(db, &rows, Some(replaced)).await?;
        Ok(changes.iter().map(|change| held.check(change.lease)).collect())
    }
}

struct FinishOne {
    lease: Lease,
    finish: Finish,
}

impl Change for FinishOne {
    type Answer = Result<JobResult, LeaseError>;
    const DURABLE: bool = true;

    async fn apply(changes: &[&Self], db: &DatabaseTransaction) -> Result<Vec<Self::Answer>, StoreError> {
        let held = Held::among(db, changes.iter().map(|change| change.lease)).await?;
        let good = changes.iter().map(|change| change.lease).filter(|lease| held.check(*lease).is_ok());
        let mut running = found_all(db, good.map(place)).await?;
        let (mut answers, mut rows) = (Vec::with_capacity(changes.len()), Vec::new());
        for Self { lease, finish } in changes {
            // Taken out of the map, so that the first of two ends is the one that counts.
            let row = held.check(*lease).ok().and_then(|()| running.remove(&place(*lease)));
            let Some(row) = row else {
                answers.push(Err(LeaseError::Lost));
                continue;
            };
            let mut result = row.read()?;
            finish.clone().end(&mut result).map_err(unavailable)?;
            rows.push(job_results::Model::of(lease.organization, &result)?);
            answers.push(Ok(result));
        }
        write_ends(db, &rows).await?;
        Ok(answers)
    }
}
