//! Writes the state of running results.

use std::collections::BTreeMap;

use engine::ports::StoreError;
use engine::ports::queue::{Lease, LeaseError, Notes};
use sea_orm::DatabaseTransaction;
use sea_orm::prelude::*;

use super::lease_guard::{LeaseGuard, result_of};
use super::rows_of;
use crate::batch::{by_organization, pieces};
use crate::entities::{job_results, line_results};
use crate::failed;
use crate::results::lines;
use crate::writer::Command;

/// Notes as rows of the tables.
pub(super) struct NoteRows {
    modules: Option<String>,
    lines: Vec<line_results::Model>,
}

impl NoteRows {
    pub fn of(lease: Lease, notes: &Notes) -> Result<Self, StoreError> {
        let modules = notes.modules.as_ref().map(|modules| job_results::text_of_modules(modules));
        Ok(Self { modules, lines: rows_of(lease, &notes.lines)? })
    }
}

pub(super) struct Note {
    pub lease: Lease,
    pub rows: NoteRows,
}

impl Command for Note {
    type Answer = Result<(), LeaseError>;
    const DURABLE: bool = false;

    async fn apply(commands: &[&Self], db: &DatabaseTransaction) -> Result<Vec<Self::Answer>, StoreError> {
        let guard = LeaseGuard::among(db, commands.iter().map(|command| command.lease)).await?;
        let valid = commands.iter().filter(|command| guard.check(command.lease).is_ok());
        let notes: Vec<_> = valid.map(|command| (command.lease, &command.rows)).collect();
        write(db, &notes).await?;
        Ok(commands.iter().map(|command| guard.check(command.lease)).collect())
    }
}

/// Writes notes of results whose leases are valid.
pub(super) async fn write(db: &DatabaseTransaction, notes: &[(Lease, &NoteRows)]) -> Result<(), StoreError> {
    use job_results::Column::{Id, Modules, OrganizationId};
    // Most results that run together have the same modules, and share a statement.
    let mut by_modules: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for (lease, rows) in notes {
        if let Some(modules) = &rows.modules {
            by_modules.entry(modules).or_default().push(result_of(*lease));
        }
    }
    for (modules, ids) in by_modules {
        for (organization, ids) in by_organization(ids) {
            for ids in pieces(&ids) {
                let rows = job_results::Entity::update_many().col_expr(Modules, Expr::val(modules));
                let rows = rows.filter(OrganizationId.eq(organization)).filter(Id.is_in(ids.iter().copied()));
                rows.exec(db).await.map_err(failed)?;
            }
        }
    }
    lines::write(db, notes.iter().flat_map(|(_, rows)| &rows.lines)).await
}
