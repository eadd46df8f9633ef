//! How things are stored: tables as entities, and one adapter for each store port.
//! The only SQL of the program, and the only place that knows a database.
//!
//! Reads go to a small pool of readers, writes to the one writer, which commits
//! in groups (see `writer`). What only SQLite has is in `sqlite`, nowhere else.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod batch;
mod collections;
mod columns;
mod entities;
mod jobs;
mod modules;
mod organizations;
mod queue;
mod queues;
mod results;
mod schedules;
mod sqlite;
mod templates;
mod users;
mod webhooks;
mod writer;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Mutex;

use engine::model::organization::OrganizationId;
use engine::ports::{Listed, StoreError};
use sea_orm::{DatabaseConnection, DbErr};
use tokio::sync::Semaphore;

pub use sqlite::{OpenError, check_pages, is_in_use, sqlite_version};
use sqlite::{Opened, Sharing};
use writer::Writer;

/// Fewer than there are readers.
const WALKS: usize = 2;

/// A database. Implements every store port.
#[derive(Debug)]
pub struct Store {
    readers: DatabaseConnection,
    /// How many readers may be walking over collections at once.
    walks: Semaphore,
    writer: Writer,
    /// The organization that a claim of this node served last.
    last_served: Mutex<Option<OrganizationId>>,
    /// Held by whoever prunes.
    pruning: tokio::sync::Mutex<results::Round>,
}

impl Store {
    /// Opens an SQLite file, for this process alone. Makes the file and its tables
    /// if they are not there, and brings the tables of an older version up to date.
    ///
    /// # Errors
    /// Refuses a file that another process has open, or that a newer version of the
    /// program made; fails if the file cannot be read or written.
    pub async fn open_sqlite(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Ok(Self::on(sqlite::open(path.as_ref(), Sharing::Alone).await?))
    }

    /// Opens an SQLite file that other processes may have open too. Writers wait for each other.
    ///
    /// # Errors
    /// As of [`Store::open_sqlite`].
    #[doc(hidden)]
    pub async fn open_sqlite_shared(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Ok(Self::on(sqlite::open(path.as_ref(), Sharing::WithOthers).await?))
    }

    fn on(opened: Opened) -> Self {
        Self {
            readers: opened.readers,
            walks: Semaphore::new(WALKS),
            writer: Writer::start(opened.writer, opened.lock),
            last_served: Mutex::default(),
            pruning: tokio::sync::Mutex::default(),
        }
    }

    /// Writes what was accepted, closes the file and lets another process open it.
    /// Every later call answers that the store is unavailable.
    pub async fn close(&self) {
        if let Err(error) = self.readers.close_by_ref().await {
            tracing::warn!(%error, "the readers of the database did not close");
        }
        self.writer.close().await;
    }
}

fn unavailable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Unavailable(error.into())
}

/// A page from rows that were asked for one more than its limit.
fn page<Row, Item>(
    rows: Vec<Row>,
    limit: u32,
    read: impl Fn(Row) -> Result<Item, StoreError>,
) -> Result<Listed<Item>, StoreError> {
    let limit = limit as usize;
    let more = rows.len() > limit;
    let items = rows.into_iter().take(limit).map(read).collect::<Result<_, _>>()?;
    Ok(Listed { items, more })
}

/// For `map_err` where the type of the error would have to be named otherwise.
fn failed(error: DbErr) -> StoreError {
    sqlite::failure(error)
}
