//! The queues and their limits.

use async_trait::async_trait;

use super::StoreError;
use crate::model::Instant;
use crate::model::organization::OrgScope;

/// The queue of jobs that name none. It always exists.
pub const DEFAULT_QUEUE: &str = "default";

/// A queue as an organization sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueState {
    /// Its key.
    pub key: String,
    /// Whether all organizations share it.
    pub global: bool,
    /// How many results may run at the same time; none for any number.
    pub limit: Option<u32>,
    /// How many results of this organization wait in it.
    pub waiting: u64,
    /// How many results in it are running: of all organizations if it is global, including those in their own queues
    /// with the same key.
    pub running: u64,
}

/// A queue to be created or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSetting {
    /// Its key.
    pub key: String,
    /// Whether all organizations share it.
    pub global: bool,
    /// How many results may run at the same time; none for any number.
    pub limit: Option<u32>,
}

/// The results of all organizations that are ready in the queues with one key: a free worker may claim them, unless
/// their queue is full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueDepth {
    /// The key of the queues.
    pub queue: String,
    /// How many results are ready.
    pub ready: u64,
    /// When the first of them was started.
    pub oldest: Instant,
}

/// Keeps the queues. A job's queue is the organization's own queue with that key, or else the global one; this is
/// decided when a result is started. Results in an organization's own queue also count in the global one with the same
/// key, and both limits apply.
#[async_trait]
pub trait Queues: Send + Sync {
    /// Creates a queue, or changes its limit. Durable when it returns.
    async fn save_queue(&self, scope: OrgScope, setting: &QueueSetting) -> Result<(), StoreError>;

    /// Whether the organization can use a queue with this key.
    async fn has_queue(&self, scope: OrgScope, key: &str) -> Result<bool, StoreError>;

    /// Every queue that the organization can use, by key; [`DEFAULT_QUEUE`] is among them.
    async fn queues(&self, scope: OrgScope) -> Result<Vec<QueueState>, StoreError>;

    /// What is ready in all queues that are not empty, in no order.
    async fn depths(&self) -> Result<Vec<QueueDepth>, StoreError>;

    /// Removes a queue; false if it did not exist. The results that wait in it continue without a limit.
    async fn remove_queue(&self, scope: OrgScope, key: &str, global: bool) -> Result<bool, StoreError>;
}
