//! Queues.

use async_graphql::Object;
use engine::ports::queues::QueueState;

/// Where the results of the jobs that name it wait for a worker, and how many of them may be at
/// work at once.
pub(crate) struct Queue(pub(crate) QueueState);

/// Where the results of the jobs that name it wait for a worker, and how many of them may be at
/// work at once.
#[Object]
impl Queue {
    /// What jobs name it by. `default` is the queue of jobs that name none.
    async fn key(&self) -> &str {
        &self.0.key
    }

    /// Whether all organizations share it, and its limit.
    async fn global(&self) -> bool {
        self.0.global
    }

    /// How many results may be at work at once; null for any number.
    async fn limit(&self) -> Option<u32> {
        self.0.limit
    }

    /// How many results of this organization wait in it.
    async fn waiting(&self) -> u64 {
        self.0.waiting
    }

    /// How many results are at work in it: of all organizations if it is global.
    async fn at_work(&self) -> u64 {
        self.0.at_work
    }
}
