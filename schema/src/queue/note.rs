//! Writes the state of running results.

use std::collections::BTreeMap;

use engine::model::action::ModuleDigest;
use engine::ports::StoreError;
use engine::ports::queue::{Lease, LeaseError, Notes};
use sea_orm::prelude::*;

use super::rows_of;
use crate::batch::{by_organization, pieces};
use crate::entities::{job_results, line_results};
use crate::failed;
use crate::leases::key_of;
use crate::results::lines;
use crate::transaction::Transaction;
use crate::writer::Command;

/// Notes as rows of the tables.
pub(super) struct NoteRows {
    modules: Option<(Vec<ModuleDigest>, String)>,
    lines: Vec<line_results::Model>,
}

impl NoteRows {
    pub fn of(lease: Lease, notes: &Notes) -> Result<Self, StoreError> {
        let modules = notes.modules.as_ref().map(|modules| (modules.clone(), job_results::text_of_modules(modules)));
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

    async fn apply(commands: &[&Self], db: &Transaction) -> Result<Vec<Self::Answer>, StoreError> {
        let held: Vec<_> = commands.iter().map(|command| db.leases().check(command.lease)).collect();
        let valid = commands.iter().zip(&held).filter(|(_, held)| held.is_ok());
        let notes: Vec<_> = valid.map(|(command, _)| (command.lease, &command.rows)).collect();
        write(db, &notes).await?;
        Ok(held)
    }
}

/// Writes notes of results whose leases are valid.
pub(super) async fn write(db: &Transaction, notes: &[(Lease, &NoteRows)]) -> Result<(), StoreError> {
    use job_results::Column::{Id, Modules, OrganizationId};
    // Most results that run together have the same modules, and share a statement.
    let mut by_modules: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for (lease, rows) in notes {
        if let Some((modules, text)) = &rows.modules {
            by_modules.entry(text).or_default().push(key_of(*lease));
            db.leases().handover.note_modules(key_of(*lease), modules);
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
