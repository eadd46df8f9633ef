//! Writing what is known of results at work.

use std::collections::BTreeMap;

use engine::ports::StoreError;
use engine::ports::queue::{Lease, LeaseError, Notes};
use sea_orm::DatabaseTransaction;
use sea_orm::prelude::*;

use super::held::{Held, place};
use super::rows_of;
use crate::batch::{by_organization, pieces};
use crate::entities::{job_results, line_results};
use crate::failed;
use crate::results::lines;
use crate::writer::Change;

/// Notes as they stand in the tables.
pub(super) struct Written {
    modules: Option<String>,
    lines: Vec<line_results::Model>,
}

impl Written {
    pub fn of(lease: Lease, notes: &Notes) -> Result<Self, StoreError> {
        let modules = notes.modules.as_ref().map(|modules| job_results::text_of_modules(modules));
        Ok(Self { modules, lines: rows_of(lease, &notes.lines)? })
    }
}

pub(super) struct Note {
    pub lease: Lease,
    pub written: Written,
}

impl Change for Note {
    type Answer = Result<(), LeaseError>;
    const DURABLE: bool = false;

    async fn apply(changes: &[&Self], db: &DatabaseTransaction) -> Result<Vec<Self::Answer>, StoreError> {
        let held = Held::among(db, changes.iter().map(|change| change.lease)).await?;
        let good = changes.iter().filter(|change| held.check(change.lease).is_ok());
        let notes: Vec<_> = good.map(|change| (change.lease, &change.written)).collect();
        write(db, &notes).await?;
        Ok(changes.iter().map(|change| held.check(change.lease)).collect())
    }
}

/// Writes notes of results whose leases are good.
pub(super) async fn write(db: &DatabaseTransaction, notes: &[(Lease, &Written)]) -> Result<(), StoreError> {
    use job_results::Column::{Id, Modules, OrganizationId};
    // Those that run together mostly run with the same modules.
    let mut alike: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for (lease, written) in notes {
        if let Some(modules) = &written.modules {
            alike.entry(modules).or_default().push(place(*lease));
        }
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
    lines::write(db, notes.iter().flat_map(|(_, written)| &written.lines)).await
}
