//! The adapter of the `queue` port.

mod checkpoint;
mod claim;
mod end_unreadable;
mod finish;
mod nodes;
mod note;
mod parts;
mod recover;
mod release;

use std::sync::PoisonError;
use std::time::Duration;

use async_trait::async_trait;
use engine::model::Instant;
use engine::model::organization::OrganizationId;
use engine::model::result::{LineResult, ResultId};
use engine::ports::StoreError;
use engine::ports::parts::{BatchDone, Part};
use engine::ports::queue::{
    Checkpoint, Claim, Claims, Finish, Finished, Lease, LeaseError, Leases, NodeId, Notes, Postponement, Queue,
};

use crate::Store;
use crate::entities::{batches, line_results, parts as part_rows};

#[async_trait]
impl Queue for Store {
    async fn claim(&self, claim: Claim) -> Result<Claims, StoreError> {
        let last_served = *self.last_served.lock().unwrap_or_else(PoisonError::into_inner);
        let claims = self.writer.write_one(claim::ClaimResults { claim, last_served }).await?;
        if let Some(last) = claims.claimed.last() {
            *self.last_served.lock().unwrap_or_else(PoisonError::into_inner) = Some(last.lease.organization);
        }
        Ok(claims)
    }

    async fn end_wait(&self, organization: OrganizationId, result: ResultId) -> Result<(), StoreError> {
        self.writer.write_one(claim::EndWait { organization, result }).await
    }

    async fn release(&self, lease: Lease) -> Result<(), LeaseError> {
        self.writer.write(release::Release { lease }).await?
    }

    async fn release_others(&self, node: NodeId, running: &[Lease]) -> Result<u64, StoreError> {
        self.writer.write_one(release::ReleaseOthers { node, running: running.to_vec() }).await
    }

    async fn beat(&self, node: NodeId, now: Instant) -> Result<(), StoreError> {
        self.writer.write_one(nodes::Beat { node, now }).await
    }

    async fn recover(&self, node: NodeId, now: Instant, silent: Option<Duration>) -> Result<u64, StoreError> {
        self.writer.write_one(recover::Recover { node, now, silent }).await
    }
}

#[async_trait]
impl Leases for Store {
    async fn note(&self, lease: Lease, notes: &Notes) -> Result<(), LeaseError> {
        self.writer.write(note::Note { lease, rows: note::NoteRows::of(lease, notes)? }).await?
    }

    async fn keep(&self, lease: Lease, parts: Vec<Part>) -> Result<(), LeaseError> {
        let rows = parts.iter().map(|part| part_rows::Model::of(lease.organization, lease.result, part));
        self.writer.write(parts::KeepParts { lease, rows: rows.collect::<Result<_, _>>()? }).await?
    }

    async fn checkpoint(&self, lease: Lease, checkpoint: Checkpoint) -> Result<(), LeaseError> {
        self.writer.write(checkpoint::WriteCheckpoint::of(lease, checkpoint, None)?).await?
    }

    async fn record_batch(&self, lease: Lease, batch: BatchDone) -> Result<(), LeaseError> {
        let row = batches::Model::of(lease.organization, lease.result, &batch);
        self.writer.write(parts::RecordBatch { lease, row }).await?
    }

    async fn postpone(&self, lease: Lease, postponement: Postponement) -> Result<(), LeaseError> {
        let Postponement { checkpoint, until } = postponement;
        self.writer.write(checkpoint::WriteCheckpoint::of(lease, checkpoint, Some(until))?).await?
    }

    async fn finish(&self, lease: Lease, finish: Finish) -> Result<Finished, LeaseError> {
        let lines = rows_of(lease, &finish.notes.lines)?;
        self.writer.write(finish::FinishOne { lease, finish, lines }).await?
    }
}

fn rows_of(lease: Lease, lines: &[LineResult]) -> Result<Vec<line_results::Model>, StoreError> {
    lines.iter().map(|line| line_results::Model::of(lease.organization, lease.result, line)).collect()
}
