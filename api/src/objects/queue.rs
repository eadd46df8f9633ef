//! Queues.

use async_graphql::Object;
use engine::ports::queues::QueueState;

/// A queue in which job results wait for a worker, with a limit of how many run at once.
pub(crate) struct Queue(pub(crate) QueueState);

/// A queue in which job results wait for a worker, with a limit of how many run at once.
#[Object]
impl Queue {
    /// Key by which jobs name it. Jobs that name no queue use `default`.
    async fn key(&self) -> &str {
        &self.0.key
    }

    /// Whether all organizations share the queue and its limit.
    async fn global(&self) -> bool {
        self.0.global
    }

    /// How many results may run at once; null if there is no limit.
    async fn limit(&self) -> Option<u32> {
        self.0.limit
    }

    /// How many results of this organization wait in it.
    async fn waiting(&self) -> u64 {
        self.0.waiting
    }

    /// How many of its results run; of all organizations if it is global.
    async fn running(&self) -> u64 {
        self.0.running
    }
}
