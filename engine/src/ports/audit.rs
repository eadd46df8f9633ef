//! The store of the audit log, and the entry of the change under way.
//!
//! An entry is written in the transaction of its change. It does not travel through every call in between: it belongs to
//! the task that makes the change, and the first write of that task takes it along.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::future::Either;
use uuid::Uuid;

use super::{Listed, Page, StoreError};
use crate::model::Instant;
use crate::model::audit::{AuditEntry, AuditFilter};
use crate::model::organization::OrgScope;

/// Keeps the audit log.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Adds an entry by itself. Unless it is about something that was done, it may be lost in a power cut.
    async fn append(&self, entry: &AuditEntry) -> Result<(), StoreError>;

    /// Entries of an organization, or of the server, newest first.
    async fn entries(
        &self,
        scope: Option<OrgScope>,
        filter: &AuditFilter,
        page: Page<Uuid>,
    ) -> Result<Listed<AuditEntry>, StoreError>;

    /// Removes entries from before this instant, of these operations or of all, in all organizations; not all at once.
    /// Returns how many it removed.
    async fn prune_audit(&self, before: Instant, operations: Option<&[&str]>) -> Result<u64, StoreError>;
}

tokio::task_local! {
    static CURRENT_ENTRY: Arc<PendingEntry>;
}

/// The entry of a change under way, until it is written.
#[derive(Debug)]
pub struct PendingEntry(Mutex<Option<AuditEntry>>);

impl PendingEntry {
    /// An entry that is not written yet.
    pub fn new(entry: AuditEntry) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Some(entry))))
    }

    /// Takes the entry, unless it was written.
    pub fn take(&self) -> Option<AuditEntry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put_back(&self, entry: AuditEntry) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(entry);
    }
}

/// Makes a change, whose first write takes the entry along.
pub async fn with_entry<T>(entry: Arc<PendingEntry>, change: impl Future<Output = T>) -> T {
    CURRENT_ENTRY.scope(entry, change).await
}

/// Writes something that is not the change itself, such as its traces, so that it does not take the entry along.
pub async fn without_entry<T>(work: impl Future<Output = T>) -> T {
    CURRENT_ENTRY.scope(Arc::new(PendingEntry(Mutex::default())), work).await
}

/// Work of another task that belongs to the same change as the current task.
pub fn inherit_entry<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    match CURRENT_ENTRY.try_with(Arc::clone) {
        Ok(entry) => Either::Left(CURRENT_ENTRY.scope(entry, work)),
        Err(_) => Either::Right(work),
    }
}

/// The entry that a write of the current task takes along. A store calls this for each write.
pub fn take_entry() -> Option<TakenEntry> {
    let pending = CURRENT_ENTRY.try_with(Arc::clone).ok()?;
    let entry = pending.take()?;
    Some(TakenEntry { pending, entry })
}

/// An entry that a write took along.
#[derive(Debug)]
pub struct TakenEntry {
    pending: Arc<PendingEntry>,
    /// The entry.
    pub entry: AuditEntry,
}

impl TakenEntry {
    /// Gives the entry back, because nothing was written.
    pub fn put_back(self) {
        self.pending.put_back(self.entry);
    }
}
