//! The engine: a handle on one node, with its services and its background tasks.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::background::scheduler::Scheduler;
use crate::background::sweep::{self, Swept};
use crate::background::{heartbeat, retention};
use crate::execution::outcome::Ending;
use crate::execution::worker::Worker;
use crate::execution::{module_loading, perform};
use crate::model::Instant;
use crate::model::lifecycle::retention::Retention;
use crate::node::Node;
use crate::node::events::Events;
use crate::node::health::Health;
use crate::node::integrity::{DatabaseCheck, Integrity};
use crate::node::usage::Usage;
use crate::ports::StoreError;
use crate::ports::actions::Actions;
use crate::ports::clock::Clock;
use crate::ports::files::Files;
use crate::ports::queue::{Claimed, NodeId};
use crate::ports::stores::Stores;
use crate::records::spill_config::SpillConfig;
use crate::services::{
    AuditLog, Collections, FilterTemplates, Jobs, Modules, Organizations, Queues, Results, Schedules, Tokens, Webhooks,
};

/// How long the metrics wait for the depths of the queues.
const DEPTHS_TIMEOUT: Duration = Duration::from_secs(2);

/// One node, for the API and the command line. Clones share the node.
#[derive(Clone)]
pub struct Engine(pub(crate) Arc<Node>);

macro_rules! services {
    ($($name:ident: $service:ident,)*) => {
        impl Engine {
            $(
                #[doc = concat!("See [`", stringify!($service), "`].")]
                pub fn $name(&self) -> $service {
                    $service::new(Arc::clone(&self.0))
                }
            )*
        }
    };
}

services! {
    audit: AuditLog,
    collections: Collections,
    jobs: Jobs,
    modules: Modules,
    organizations: Organizations,
    queues: Queues,
    results: Results,
    schedules: Schedules,
    templates: FilterTemplates,
    tokens: Tokens,
    webhooks: Webhooks,
}

impl Engine {
    /// Sets that are too large for memory go to the system's folder for temporary files.
    pub fn new(stores: Stores, actions: Arc<dyn Actions>, files: Arc<dyn Files>, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Node::new(stores, actions, files, clock, SpillConfig::default())))
    }

    /// With another folder and other bounds for sets that are too large for memory.
    pub fn with_spill(
        stores: Stores,
        actions: Arc<dyn Actions>,
        files: Arc<dyn Files>,
        clock: Arc<dyn Clock>,
        spill: SpillConfig,
    ) -> Self {
        Self(Arc::new(Node::new(stores, actions, files, clock, spill)))
    }

    /// The identity of this node.
    pub fn node_id(&self) -> NodeId {
        self.0.id
    }

    /// Performs a claimed result until it ends, waits, or is lost. A [`Worker`] does this by itself.
    ///
    /// # Errors
    /// The store failed; the caller has to release the result.
    pub async fn perform(&self, claimed: Claimed) -> Result<Ending, StoreError> {
        perform::perform(&self.0, claimed, CancellationToken::new()).await
    }

    /// Performs a claimed result as a node that crashes in the middle of it: a panic leaves nothing behind. For tests
    /// of crashes.
    #[doc(hidden)]
    pub async fn perform_and_lose(&self, claimed: Claimed) {
        perform::perform_and_lose(&self.0, claimed).await;
    }

    /// A worker that performs up to `slots` results at the same time.
    pub fn worker(&self, slots: usize) -> Worker {
        Worker::new(Arc::clone(&self.0), slots)
    }

    /// A scheduler that begins now: starts that were due before are missed.
    pub fn scheduler(&self) -> Scheduler {
        Scheduler::new(Arc::clone(&self.0))
    }

    /// Removes old results until `stop`, in small steps between which other writes can happen.
    pub async fn remove_old_results(&self, keep: Retention, stop: CancellationToken) {
        retention::work(Arc::clone(&self.0), keep, stop).await;
    }

    /// Writes the heartbeat of this node, and takes over the results of silent nodes, until `stop`. Only needed if
    /// several nodes share a store.
    pub async fn beat(&self, silence: Duration, stop: CancellationToken) {
        heartbeat::work(Arc::clone(&self.0), silence, stop).await;
    }

    /// Checks every schedule, and repairs those that are not armed as they should be.
    ///
    /// # Errors
    /// The store failed.
    pub async fn sweep(&self) -> Result<Swept, StoreError> {
        sweep::check_schedules(&self.0).await
    }

    /// Releases the results of every other node, and returns how many. For the only node on a store, before its first
    /// claim.
    ///
    /// # Errors
    /// The store failed.
    pub async fn recover(&self) -> Result<u64, StoreError> {
        self.0.stores.queue.recover(self.0.id, self.0.clock.now(), None).await
    }

    /// Loads every installed module, and returns how many there are. See [`Actions::load`].
    ///
    /// # Errors
    /// The store failed.
    pub async fn load_modules(&self) -> Result<usize, StoreError> {
        module_loading::load_all(&self.0).await
    }

    /// The current time.
    pub fn now(&self) -> Instant {
        self.0.clock.now()
    }

    /// The events of job results.
    pub fn events(&self) -> &Events {
        &self.0.events
    }

    /// Whether this node works, or why not.
    pub fn health(&self) -> &Health {
        &self.0.health
    }

    /// The current metrics of this node, in the text format of OpenMetrics. Without the depths of the queues while the
    /// store cannot be read.
    pub async fn encode_metrics(&self) -> String {
        let depths = tokio::time::timeout(DEPTHS_TIMEOUT, self.0.stores.queues.depths()).await;
        let depths = depths.unwrap_or_else(|elapsed| Err(StoreError::Unavailable(Box::new(elapsed))));
        let depths = depths.unwrap_or_else(|error| {
            tracing::warn!(cause = %error, "the depths of the queues could not be read for the metrics");
            Vec::new()
        });
        let running = u64::try_from(self.0.running.len()).unwrap_or(u64::MAX);
        self.0.metrics.job_results_running.set(running);
        self.0.metrics.encode(depths, self.now())
    }

    /// The usage of quotas.
    pub fn usage(&self) -> &Usage {
        &self.0.usage
    }

    /// The last check of the database.
    pub fn integrity(&self) -> &Integrity {
        &self.0.integrity
    }

    /// Publishes the result of a check of the database in the log, the metrics and the API.
    pub fn note_database_check(&self, faults: Vec<String>) {
        self.0.integrity.note(DatabaseCheck { at: self.now(), faults }, &self.0.metrics);
    }
}
