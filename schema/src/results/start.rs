//! Starts results, many in one transaction, and applies the overlap rules of their jobs.

mod lookup;
mod retry_copy;

use engine::model::lifecycle::admission::{Admission, admit, skipped};
use engine::model::lifecycle::lease_state::LeaseState;
use engine::model::organization::OrganizationId;
use engine::model::record::Records;
use engine::model::result::{JobResult, ResultId};
use engine::model::status::Status;
use engine::ports::StoreError;
use engine::ports::results::{Idempotency, NewResult, RetryStart, StartError, Started};

use super::end::replace;
use crate::batch::insert;
use crate::entities::{job_inputs, job_results, job_starts, leases};
use crate::transaction::Transaction;
use crate::unavailable;
use crate::writer::Command;
use lookup::StartLookup;
use retry_copy::RetryCopy;

pub(super) struct Start {
    pub organization: OrganizationId,
    pub start: NewResult,
}

impl Command for Start {
    type Answer = Result<Started, StartError>;
    const DURABLE: bool = true;

    async fn apply(commands: &[&Self], db: &Transaction) -> Result<Vec<Self::Answer>, StoreError> {
        let starts: Vec<_> = commands.iter().map(|command| (command.organization, &command.start)).collect();
        start_all(db, &starts).await
    }
}

/// Starts results in this order. Most are written together.
pub(crate) async fn start_all(
    db: &Transaction,
    starts: &[(OrganizationId, &NewResult)],
) -> Result<Vec<Result<Started, StartError>>, StoreError> {
    let mut lookup = StartLookup::read(db, starts).await?;
    let (mut new, mut answers) = (NewRows::default(), Vec::with_capacity(starts.len()));
    for (organization, start) in starts {
        answers.push(match lookup.answer(*organization, start) {
            Some(answer) => answer,
            None => Ok(new.add(db, &mut lookup, *organization, start).await?),
        });
    }
    new.write(db).await?;
    Ok(answers)
}

/// Starts the notifications of results that end in the same transaction.
pub(crate) async fn start_notifications<'a>(
    db: &Transaction,
    notifications: impl Iterator<Item = (OrganizationId, &'a NewResult)>,
) -> Result<(), StoreError> {
    let notifications: Vec<_> = notifications.collect();
    if notifications.is_empty() {
        return Ok(());
    }
    let started = start_all(db, &notifications).await?;
    started.into_iter().try_for_each(|one| one.map(drop).map_err(unavailable))
}

/// New rows that are not written yet.
#[derive(Default)]
struct NewRows {
    results: Vec<job_results::Model>,
    inputs: Vec<job_inputs::Model>,
    names: Vec<job_starts::Model>,
    retry_copies: Vec<RetryCopy>,
}

impl NewRows {
    async fn add(
        &mut self,
        db: &Transaction,
        lookup: &mut StartLookup,
        organization: OrganizationId,
        start: &NewResult,
    ) -> Result<Started, StoreError> {
        let (mut result, records) = start.clone().accept();
        let other = db.leases().unfinished(organization.0, &start.job).oldest();
        let (mut state, mut replaced) = (LeaseState::Ready, Vec::new());
        match admit(&result, start.overlap, other) {
            Admission::Ready => {}
            Admission::Behind => state = LeaseState::Behind,
            Admission::Skipped(other) => skipped(&mut result, other, start.created_at).map_err(unavailable)?,
            Admission::Replaces => {
                // The results that it replaces may be among those that are not written yet.
                self.write(db).await?;
                replaced = replace(db, (organization, &start.job), (start.id, start.created_at)).await?;
            }
        }
        self.push(db, (organization, start), result.clone(), (records, state))?;
        let taken_over = start.retry.as_ref().filter(|_| result.status == Status::Pending);
        self.push_extras((organization, start.id), start.idempotency.as_ref(), taken_over);
        lookup.add(organization, start, &result);
        Ok(Started { result, replaced })
    }

    fn push(
        &mut self,
        db: &Transaction,
        (organization, start): (OrganizationId, &NewResult),
        result: JobResult,
        (records, state): (Records, LeaseState),
    ) -> Result<(), StoreError> {
        let row = job_results::Model::of(organization, &result)?;
        let mut bytes = row.arguments.len();
        self.results.push(row);
        if !records.is_empty() {
            let input = job_inputs::Model::of(organization, result.id, &records)?;
            bytes += input.records.len();
            self.inputs.push(input);
        }
        if result.status == Status::Pending {
            let mut leases = db.leases();
            let queue = leases.queue(organization, &start.queue);
            let mut lease = leases::Model::new(organization, &result, &queue, state);
            if let Some(retry) = &start.retry {
                (lease.next_line, lease.has_sets) = (Some(retry.line_no.into()), true);
            }
            leases.add(lease);
            leases.handover.keep_started((organization.0, result.id.0), result, records, bytes);
        }
        Ok(())
    }

    fn push_extras(
        &mut self,
        (organization, id): (OrganizationId, ResultId),
        name: Option<&Idempotency>,
        retry: Option<&RetryStart>,
    ) {
        self.names.extend(name.map(|name| job_starts::Model {
            organization_id: organization.0,
            idempotency_key: name.key.clone(),
            job_result_id: id.0,
            digest: name.digest.clone(),
        }));
        self.retry_copies.extend(retry.map(|retry| RetryCopy { organization, by: id, retry: retry.clone() }));
    }

    async fn write(&mut self, db: &Transaction) -> Result<(), StoreError> {
        let new = std::mem::take(self);
        insert::<job_results::Entity>(db, &new.results, None).await?;
        insert::<job_inputs::Entity>(db, &new.inputs, None).await?;
        insert::<job_starts::Entity>(db, &new.names, None).await?;
        for one in &new.retry_copies {
            one.write(db).await?;
        }
        Ok(())
    }
}
