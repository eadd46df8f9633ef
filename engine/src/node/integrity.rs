//! The result of the last check of the database.

use std::sync::{Mutex, PoisonError};

use super::metrics::Metrics;
use crate::model::Instant;

/// What an operator does about a damaged database.
pub const WHAT_TO_DO: &str = "Stop the server, keep a copy of the data folder, and restore the database from a backup; \
                              without one, `sqlite3 ropewalk.db .recover | sqlite3 recovered.db` saves what can be read. \
                              Look for the cause: a failing disk, or a copy that was made while the server ran.";

/// A check of the whole database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseCheck {
    /// When it ended.
    pub at: Instant,
    /// The damages, as the database describes them; empty if there are none.
    pub faults: Vec<String>,
}

/// Keeps the last check.
#[derive(Debug, Default)]
pub struct Integrity(Mutex<Option<DatabaseCheck>>);

impl Integrity {
    pub(crate) fn note(&self, check: DatabaseCheck, metrics: &Metrics) {
        let count = check.faults.len();
        match check.faults.first() {
            None => tracing::info!("the database was checked and is not damaged"),
            Some(first) => tracing::error!(count, first, "the database is damaged. {WHAT_TO_DO}"),
        }
        metrics.database_faults.set(count as u64);
        metrics.database_checked.set(u64::try_from(check.at.timestamp()).unwrap_or_default());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(check);
    }

    /// The last check; none if there was none since the node started.
    pub fn last(&self) -> Option<DatabaseCheck> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
