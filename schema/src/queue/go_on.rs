//! Places from which results go on, at once or at their time.

use engine::model::Instant;
use engine::ports::StoreError;
use engine::ports::queue::{Checkpoint, Crashes, Lease, LeaseError};
use sea_orm::ActiveValue::Set;
use sea_orm::DatabaseTransaction;
use sea_orm::prelude::*;

use super::held::Held;
use super::note::{self, Written};
use crate::columns::micros;
use crate::entities::leases::{self, Stands};
use crate::entities::{batches, parts};
use crate::failed;
use crate::writer::Change;

pub(super) struct GoOn {
    lease: Lease,
    written: Written,
    line_no: u32,
    tries: u32,
    failed_line: Option<u32>,
    /// None if its worker goes on with it at once.
    until: Option<Instant>,
}

impl GoOn {
    pub fn of(lease: Lease, checkpoint: Checkpoint, until: Option<Instant>) -> Result<Self, StoreError> {
        let Checkpoint { notes, line_no, tries, failed_line } = checkpoint;
        Ok(Self { lease, written: Written::of(lease, &notes)?, line_no, tries, failed_line, until })
    }
}

impl Change for GoOn {
    type Answer = Result<(), LeaseError>;
    const DURABLE: bool = true;

    async fn apply(changes: &[&Self], db: &DatabaseTransaction) -> Result<Vec<Self::Answer>, StoreError> {
        let held = Held::among(db, changes.iter().map(|change| change.lease)).await?;
        let good = changes.iter().filter(|change| held.check(change.lease).is_ok());
        let notes: Vec<_> = good.map(|change| (change.lease, &change.written)).collect();
        note::write(db, &notes).await?;
        let mut answers = Vec::with_capacity(changes.len());
        for change in changes {
            let row = held.get(change.lease);
            if let Ok(row) = row {
                change.write(db, row).await?;
            }
            answers.push(row.map(drop));
        }
        Ok(answers)
    }
}

impl GoOn {
    async fn write(&self, db: &DatabaseTransaction, row: &leases::Model) -> Result<(), StoreError> {
        if row.has_sets {
            self.drop_what_was_needed_before(db).await?;
        }
        let mut lease = leases::ActiveModel {
            next_line: Set(Some(self.line_no.into())),
            tries: Set(self.tries.into()),
            ..Default::default()
        };
        if let Some(until) = self.until {
            lease.stands = Set(Stands::Later.word().to_owned());
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

    async fn drop_what_was_needed_before(&self, db: &DatabaseTransaction) -> Result<(), StoreError> {
        let (organization, result) = (self.lease.organization.0, self.lease.result.0);
        // What a retry goes on with stays; no line has a number below 0.
        let failed_line = self.failed_line.map_or(-1, i64::from);
        let sets = parts::Entity::delete_many()
            .filter(parts::Column::OrganizationId.eq(organization))
            .filter(parts::Column::JobResultId.eq(result))
            .filter(parts::Column::LineNo.lt(self.line_no))
            .filter(parts::Column::LineNo.ne(failed_line))
            .filter(parts::Column::Kind.is_in(parts::passing()));
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
