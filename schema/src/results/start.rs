//! Starting: many results at once, or what the overlap rule of their job makes of them.

pub(crate) mod jobs;
mod known;
mod taking_over;

use engine::model::organization::OrganizationId;
use engine::model::overlap::Overlap;
use engine::model::record::Records;
use engine::model::result::{JobResult, ResultId};
use engine::model::status::Status;
use engine::ports::StoreError;
use engine::ports::results::{Idempotency, NewResult, Retrial, StartRefused, Started, skipped};
use sea_orm::DatabaseTransaction;

use super::kill::replace;
use crate::batch::insert;
use crate::entities::{job_inputs, job_results, job_starts, leases};
use crate::unavailable;
use crate::writer::Change;
use known::Known;
use taking_over::TakingOver;

pub(super) struct Start {
    pub organization: OrganizationId,
    pub start: NewResult,
}

impl Change for Start {
    type Answer = Result<Started, StartRefused>;
    const DURABLE: bool = true;

    async fn apply(changes: &[&Self], db: &DatabaseTransaction) -> Result<Vec<Self::Answer>, StoreError> {
        let starts: Vec<_> = changes.iter().map(|change| (change.organization, &change.start)).collect();
        start_all(db, &starts).await
    }
}

/// Starts results, in this order. Those that nothing stands in the way of are written together.
pub(crate) async fn start_all(
    db: &DatabaseTransaction,
    starts: &[(OrganizationId, &NewResult)],
) -> Result<Vec<Result<Started, StartRefused>>, StoreError> {
    let mut known = Known::look_up(db, starts).await?;
    let (mut new, mut answers) = (New::default(), Vec::with_capacity(starts.len()));
    for (organization, start) in starts {
        answers.push(match known.answer(*organization, start) {
            Some(answer) => answer,
            None => Ok(new.add(db, &mut known, *organization, start).await?),
        });
    }
    new.write(db).await?;
    Ok(answers)
}

/// New results that are not written yet.
#[derive(Default)]
struct New {
    results: Vec<job_results::Model>,
    inputs: Vec<job_inputs::Model>,
    leases: Vec<leases::Model>,
    names: Vec<job_starts::Model>,
    taking_over: Vec<TakingOver>,
}

impl New {
    async fn add(
        &mut self,
        db: &DatabaseTransaction,
        known: &mut Known,
        organization: OrganizationId,
        start: &NewResult,
    ) -> Result<Started, StoreError> {
        let queue = known.queue(organization, &start.queue);
        let (mut result, records) = start.clone().accept();
        let other = known.unfinished(organization, &result);
        let mut replaced = Vec::new();
        match (start.overlap, other) {
            (Overlap::Skip, Some(other)) => skipped(&mut result, other, start.created_at).map_err(unavailable)?,
            (Overlap::Replace, Some(_)) => {
                // Those it replaces may be among the new ones.
                self.write(db).await?;
                replaced = replace(db, (organization, &start.job), (start.id, start.created_at)).await?;
            }
            _ => {}
        }
        let behind = start.overlap == Overlap::Queue && other.is_some();
        let mut lease = leases::Model::new(organization, &result, &queue, behind);
        if let Some(retry) = &start.retry {
            (lease.next_line, lease.has_sets) = (Some(retry.line_no.into()), true);
        }
        self.push((organization, &result), records, lease)?;
        let taken_over = start.retry.as_ref().filter(|_| result.status == Status::Pending);
        self.push_extras((organization, start.id), start.idempotency.as_ref(), taken_over);
        known.add(organization, start, &result);
        Ok(Started { result, replaced })
    }

    fn push(
        &mut self,
        (organization, result): (OrganizationId, &JobResult),
        records: Records,
        lease: leases::Model,
    ) -> Result<(), StoreError> {
        self.results.push(job_results::Model::of(organization, result)?);
        if !records.is_empty() {
            self.inputs.push(job_inputs::Model::of(organization, result.id, &records)?);
        }
        if result.status == Status::Pending {
            self.leases.push(lease);
        }
        Ok(())
    }

    fn push_extras(
        &mut self,
        (organization, id): (OrganizationId, ResultId),
        name: Option<&Idempotency>,
        retry: Option<&Retrial>,
    ) {
        self.names.extend(name.map(|name| job_starts::Model {
            organization_id: organization.0,
            idempotency_key: name.key.clone(),
            job_result_id: id.0,
            digest: name.digest.clone(),
        }));
        self.taking_over.extend(retry.map(|retry| TakingOver { organization, by: id, retry: retry.clone() }));
    }

    async fn write(&mut self, db: &DatabaseTransaction) -> Result<(), StoreError> {
        let new = std::mem::take(self);
        insert::<job_results::Entity>(db, &new.results, None).await?;
        insert::<job_inputs::Entity>(db, &new.inputs, None).await?;
        insert::<leases::Entity>(db, &new.leases, None).await?;
        insert::<job_starts::Entity>(db, &new.names, None).await?;
        for one in &new.taking_over {
            one.write(db).await?;
        }
        Ok(())
    }
}
