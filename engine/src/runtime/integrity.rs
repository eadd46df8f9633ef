//! Whether the structure of the database is sound, as far as this node knows.

use std::sync::{Mutex, PoisonError};

use super::engine::Engine;
use crate::model::Instant;

/// What an operator does about a damaged database.
pub const WHAT_TO_DO: &str = "Stop the server, keep a copy of the data folder, and restore the database from a backup; \
                              without one, `sqlite3 ropewalk.db .recover | sqlite3 recovered.db` saves what can be read. \
                              Look for the cause: a failing disk, or a copy that was made while the server ran.";

/// The last look at all pages of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseCheck {
    /// When it ended.
    pub at: Instant,
    /// What is damaged, as the database says it; empty if nothing is.
    pub faults: Vec<String>,
}

/// Keeps the last look.
#[derive(Debug, Default)]
pub struct Integrity(Mutex<Option<DatabaseCheck>>);

impl Integrity {
    /// The last look; none if there was none since the node started.
    pub fn last(&self) -> Option<DatabaseCheck> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Engine {
    /// Notes what a look at all pages found, for the log, the metrics and the API.
    pub fn note_database_check(&self, faults: Vec<String>) {
        let at = self.clock.now();
        match faults.first() {
            None => tracing::info!("the structure of every table was checked, and none is damaged"),
            Some(first) => tracing::error!(count = faults.len(), first, "the database is damaged. {WHAT_TO_DO}"),
        }
        self.figures.database_faults.set(faults.len() as u64);
        self.figures.database_checked.set(u64::try_from(at.timestamp()).unwrap_or_default());
        *self.integrity.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(DatabaseCheck { at, faults });
    }
}
