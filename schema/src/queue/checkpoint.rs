//! Writes checkpoints, from which results continue at once or at a later time.

use engine::model::Instant;
use engine::model::lifecycle::isolation::Crashes;
use engine::model::lifecycle::lease_state::LeaseState;
use engine::ports::StoreError;
use engine::ports::queue::{Checkpoint, Lease, LeaseError};
use sea_orm::prelude::*;

use super::note::{self, NoteRows};
use crate::columns::micros;
use crate::entities::{batches, parts};
use crate::failed;
use crate::leases::key_of;
use crate::transaction::Transaction;
use crate::writer::Command;

pub(super) struct WriteCheckpoint {
    lease: Lease,
    rows: NoteRows,
    line_no: u32,
    failed_attempts: u32,
    failed_line: Option<u32>,
    /// None if its worker continues at once.
    until: Option<Instant>,
}

impl WriteCheckpoint {
    pub fn of(lease: Lease, checkpoint: Checkpoint, until: Option<Instant>) -> Result<Self, StoreError> {
        let Checkpoint { notes, line_no, failed_attempts, failed_line } = checkpoint;
        Ok(Self { lease, rows: NoteRows::of(lease, &notes)?, line_no, failed_attempts, failed_line, until })
    }
}

impl Command for WriteCheckpoint {
    type Answer = Result<(), LeaseError>;
    const DURABLE: bool = true;

    async fn apply(commands: &[&Self], db: &Transaction) -> Result<Vec<Self::Answer>, StoreError> {
        let held: Vec<_> =
            commands.iter().map(|command| db.leases().held(command.lease).map(|row| row.has_sets)).collect();
        let valid = commands.iter().zip(&held).filter(|(_, held)| held.is_ok()).map(|(command, _)| command);
        let notes: Vec<_> = valid.map(|command| (command.lease, &command.rows)).collect();
        note::write(db, &notes).await?;
        for (command, held) in commands.iter().zip(&held) {
            if let Ok(has_sets) = held {
                command.write(db, *has_sets).await?;
            }
        }
        Ok(held.into_iter().map(|held| held.map(drop)).collect())
    }
}

impl WriteCheckpoint {
    async fn write(&self, db: &Transaction, has_sets: bool) -> Result<(), StoreError> {
        if has_sets {
            self.drop_unneeded(db).await?;
        }
        db.leases().change(key_of(self.lease), |row| {
            (row.next_line, row.failed_attempts) = (Some(self.line_no.into()), self.failed_attempts.into());
            if let Some(until) = self.until {
                row.put_back(None, Crashes::default());
                LeaseState::Later.word().clone_into(&mut row.state);
                row.ready_at = Some(micros(until));
            }
        });
        Ok(())
    }

    /// Drops the sets and batches of the lines before the checkpoint.
    async fn drop_unneeded(&self, db: &Transaction) -> Result<(), StoreError> {
        let (organization, result) = (self.lease.organization.0, self.lease.result.0);
        // A retry needs those of the failed line. No line has the number -1.
        let failed_line = self.failed_line.map_or(-1, i64::from);
        let sets = parts::Entity::delete_many()
            .filter(parts::Column::OrganizationId.eq(organization))
            .filter(parts::Column::JobResultId.eq(result))
            .filter(parts::Column::LineNo.lt(self.line_no))
            .filter(parts::Column::LineNo.ne(failed_line))
            .filter(parts::Column::Kind.is_in(parts::temporary()));
        sets.exec(db).await.map_err(failed)?;
        let done = batches::Entity::delete_many()
            .filter(batches::Column::OrganizationId.eq(organization))
            .filter(batches::Column::JobResultId.eq(result))
            .filter(batches::Column::LineNo.lt(self.line_no))
            .filter(batches::Column::LineNo.ne(failed_line));
        done.exec(db).await.map_err(failed)?;
        Ok(())
    }
}
