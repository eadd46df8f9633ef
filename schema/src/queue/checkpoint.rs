//! Writes checkpoints, from which results continue at once or at a later time.

use engine::model::Instant;
use engine::model::lifecycle::isolation::Crashes;
use engine::model::lifecycle::lease_state::LeaseState;
use engine::ports::StoreError;
use engine::ports::queue::{Checkpoint, Lease, LeaseError};
use sea_orm::ActiveValue::Set;
use sea_orm::DatabaseTransaction;
use sea_orm::prelude::*;

use super::lease_guard::LeaseGuard;
use super::note::{self, NoteRows};
use crate::columns::micros;
use crate::entities::leases;
use crate::entities::{batches, parts};
use crate::failed;
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

    async fn apply(commands: &[&Self], db: &DatabaseTransaction) -> Result<Vec<Self::Answer>, StoreError> {
        let guard = LeaseGuard::among(db, commands.iter().map(|command| command.lease)).await?;
        let valid = commands.iter().filter(|command| guard.check(command.lease).is_ok());
        let notes: Vec<_> = valid.map(|command| (command.lease, &command.rows)).collect();
        note::write(db, &notes).await?;
        let mut answers = Vec::with_capacity(commands.len());
        for command in commands {
            let row = guard.get(command.lease);
            if let Ok(row) = row {
                command.write(db, row).await?;
            }
            answers.push(row.map(drop));
        }
        Ok(answers)
    }
}

impl WriteCheckpoint {
    async fn write(&self, db: &DatabaseTransaction, row: &leases::Model) -> Result<(), StoreError> {
        if row.has_sets {
            self.drop_unneeded(db).await?;
        }
        let mut lease = leases::ActiveModel {
            next_line: Set(Some(self.line_no.into())),
            failed_attempts: Set(self.failed_attempts.into()),
            ..Default::default()
        };
        if let Some(until) = self.until {
            lease.state = Set(LeaseState::Later.word().to_owned());
            lease.ready_at = Set(Some(micros(until)));
            (lease.node, lease.isolated_until) = (Set(None), Set(None));
            lease = lease.with_crashes(Crashes::default());
        }
        let row = leases::Entity::update_many()
            .set(lease)
            .filter(leases::Column::OrganizationId.eq(self.lease.organization.0))
            .filter(leases::Column::JobResultId.eq(self.lease.result.0));
        row.exec(db).await.map_err(failed)?;
        Ok(())
    }

    /// Drops the sets and batches of the lines before the checkpoint.
    async fn drop_unneeded(&self, db: &DatabaseTransaction) -> Result<(), StoreError> {
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
