//! The queues that were set up: how many of their results may be at work.

use async_trait::async_trait;

use super::StoreError;
use crate::model::organization::OrgScope;

/// The queue of jobs that name none. It is always there.
pub const DEFAULT_QUEUE: &str = "default";

/// A queue as an organization sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueState {
    /// Its key.
    pub key: String,
    /// Whether all organizations share it.
    pub global: bool,
    /// How many results may be at work; none for any number.
    pub limit: Option<u32>,
    /// How many results of this organization wait in it.
    pub waiting: u64,
    /// How many results are at work in it: of all organizations if it is global, including those in
    /// their own queues with the same key.
    pub at_work: u64,
}

/// A queue to be set up or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSetting {
    /// Its key.
    pub key: String,
    /// Whether all organizations share it.
    pub global: bool,
    /// How many results may be at work; none for any number.
    pub limit: Option<u32>,
}

/// Keeps the queues. A job's queue is the organization's own if it has one with that key, else the
/// global one; which it is is decided when a result is started. Results in an organization's own queue
/// count in the global one with the same key too, and both limits hold.
#[async_trait]
pub trait Queues: Send + Sync {
    /// Sets a queue up, or changes its limit. Durable when it answers.
    async fn save_queue(&self, scope: OrgScope, setting: &QueueSetting) -> Result<(), StoreError>;

    /// Whether the organization can use a queue with this key.
    async fn has_queue(&self, scope: OrgScope, key: &str) -> Result<bool, StoreError>;

    /// Every queue that the organization can use, by key; [`DEFAULT_QUEUE`] is among them.
    async fn queues(&self, scope: OrgScope) -> Result<Vec<QueueState>, StoreError>;

    /// Removes a queue; false if it was not there. What waits in it goes on without a limit.
    async fn remove_queue(&self, scope: OrgScope, key: &str, global: bool) -> Result<bool, StoreError>;
}
