//! The store: tables as entities, and an adapter for each store port. This is the only crate with SQL, and the only one
//! that knows the database.
//!
//! Reads use a small pool of connections. All writes go through one writer, which commits them in groups (see
//! `writer`). Everything that is special to SQLite is in `sqlite`.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod audit;
mod batch;
mod collections;
mod columns;
mod due_schedules;
mod entities;
mod job_users;
mod jobs;
mod leases;
mod memory;
mod modules;
mod occupancy;
mod organizations;
mod parts;
mod queue;
mod queues;
mod results;
mod schedules;
mod sqlite;
mod templates;
mod tokens;
mod transaction;
mod webhooks;
mod writer;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Arc, Mutex};

use engine::model::organization::OrganizationId;
use engine::ports::metrics::StoreMetrics;
use engine::ports::{Listed, PAGE_BYTES, StoreError};
use futures_util::{Stream, TryStreamExt};
use sea_orm::{DatabaseConnection, DbErr, EntityTrait, QuerySelect, Select};
use tokio::sync::Semaphore;

use memory::Memory;
pub use sqlite::{OpenError, add_token_beside, check_pages, is_in_use, sqlite_version};
use sqlite::{Opened, Sharing};
use writer::Writer;

/// How many readers may scan collections at once: fewer than there are, so that some are left for short reads.
const SCANS: usize = 2;

/// A database. Implements every store port.
#[derive(Debug)]
pub struct Store {
    readers: DatabaseConnection,
    /// Permits to scan collections.
    scans: Semaphore,
    writer: Writer,
    memory: Arc<Memory>,
    metrics: StoreMetrics,
    /// The organization that the last claim of this node served.
    last_served: Mutex<Option<OrganizationId>>,
    /// Held while pruning, with the position of the walk over all jobs.
    pruning: tokio::sync::Mutex<results::PruneCursor>,
}

impl Store {
    /// Opens an SQLite file for this process alone. Creates the file and its tables if needed, and migrates the tables
    /// of an older version.
    ///
    /// # Errors
    /// Another process has the file open, a newer version of the program made it, or it cannot be read or written.
    pub async fn open_sqlite(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Ok(Self::on(sqlite::open(path.as_ref(), Sharing::Alone).await?))
    }

    /// Opens an SQLite file that other processes may open too. Writers wait for each other.
    ///
    /// # Errors
    /// As of [`Store::open_sqlite`].
    #[doc(hidden)]
    pub async fn open_sqlite_shared(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Ok(Self::on(sqlite::open(path.as_ref(), Sharing::WithOthers).await?))
    }

    fn on(opened: Opened) -> Self {
        let metrics = StoreMetrics::default();
        // Only a locked file has no other writer.
        let memory = Arc::new(Memory::new(opened.lock.is_some()));
        Self {
            readers: opened.readers,
            scans: Semaphore::new(SCANS),
            writer: Writer::start(opened.writer, opened.lock, metrics.clone(), Arc::clone(&memory)),
            memory,
            metrics,
            last_served: Mutex::default(),
            pruning: tokio::sync::Mutex::default(),
        }
    }

    /// What the store measures. A clone shares its values.
    pub fn metrics(&self) -> StoreMetrics {
        self.metrics.clone()
    }

    /// Writes what was accepted, closes the file and lets another process open it. Later calls fail with
    /// [`StoreError::Unavailable`].
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

/// Reads a page of a query: at most `limit` items, and at most [`PAGE_BYTES`] by `weigh`.
async fn page<E: EntityTrait, Item>(
    select: Select<E>,
    (db, limit): (&DatabaseConnection, u32),
    weigh: impl Fn(&E::Model) -> usize,
    read: impl Fn(E::Model) -> Result<Item, StoreError>,
) -> Result<Listed<Item>, StoreError> {
    let rows = select.limit(u64::from(limit) + 1).stream(db).await.map_err(failed)?;
    let mut listed = Listed { items: Vec::new(), more: false };
    fill(&mut listed, rows, (limit as usize, PAGE_BYTES), weigh, read).await?;
    Ok(listed)
}

/// Reads rows into a page until it holds `items`, or would hold more than `bytes`.
async fn fill<Row, Item>(
    listed: &mut Listed<Item>,
    rows: impl Stream<Item = Result<Row, DbErr>>,
    (items, bytes): (usize, usize),
    weigh: impl Fn(&Row) -> usize,
    read: impl Fn(Row) -> Result<Item, StoreError>,
) -> Result<usize, StoreError> {
    let (mut rows, mut read_bytes) = (std::pin::pin!(rows), 0);
    while let Some(row) = rows.try_next().await.map_err(failed)? {
        read_bytes += weigh(&row);
        listed.more = listed.items.len() == items || (read_bytes > bytes && !listed.items.is_empty());
        if listed.more {
            break;
        }
        listed.items.push(read(row)?);
    }
    Ok(read_bytes)
}

/// Converts an error of the database, for `map_err`.
fn failed(error: DbErr) -> StoreError {
    sqlite::failure(error)
}
