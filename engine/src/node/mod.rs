//! What this process knows and shares: the ports, caches over them, and its own state.
//!
//! What belongs here is used by several steps of the execution, or by several services; what only one of them needs
//! belongs to that one. Nothing here performs a job.

pub(crate) mod backoff;
pub(crate) mod blocking;
pub mod catalogue_cache;
pub mod events;
pub mod fair_permits;
pub mod health;
pub mod integrity;
pub(crate) mod job_cache;
pub(crate) mod listing;
mod live_lines;
pub mod metrics;
pub(crate) mod panics;
mod rate_limiter;
pub(crate) mod running;
pub mod service_error;
pub mod usage;
pub(crate) mod wait_registry;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;
use uuid::Uuid;

use crate::model::organization::OrganizationId;
use crate::model::result::ResultId;
use crate::node::catalogue_cache::CatalogueCache;
use crate::node::events::{Events, Progress, ResultChange, ResultEvent};
use crate::node::fair_permits::FairPermits;
use crate::node::health::Health;
use crate::node::integrity::Integrity;
use crate::node::job_cache::JobCache;
use crate::node::metrics::Metrics;
use crate::node::running::RunningResults;
use crate::node::usage::Usage;
use crate::node::wait_registry::WaitRegistry;
use crate::ports::actions::Actions;
use crate::ports::clock::Clock;
use crate::ports::files::Files;
use crate::ports::queue::NodeId;
use crate::ports::stores::Stores;
use crate::records::spill_config::SpillConfig;

/// How many jobs are checked at the same time.
pub const CHECKS_AT_ONCE: usize = 4;
/// How many of them of one organization.
pub const CHECKS_OF_ONE_ORGANIZATION: usize = 1;
/// How many filters are previewed at the same time: each may hold many records.
pub const PREVIEWS_AT_ONCE: usize = 4;
/// How many of them of one organization.
pub const PREVIEWS_OF_ONE_ORGANIZATION: usize = 2;

/// One of the processes that share a store.
pub struct Node {
    pub(crate) id: NodeId,
    pub(crate) stores: Stores,
    pub(crate) actions: Arc<dyn Actions>,
    pub(crate) files: Arc<dyn Files>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Where sets that are too large for memory are kept.
    pub(crate) spill: SpillConfig,
    pub(crate) health: Health,
    pub(crate) integrity: Integrity,
    pub(crate) events: Events,
    pub(crate) metrics: Metrics,
    pub(crate) usage: Usage,
    /// The results that run here.
    pub(crate) running: RunningResults,
    /// The results that wait for jobs which they started.
    pub(crate) waits: WaitRegistry,
    pub(crate) jobs: JobCache,
    pub(crate) catalogues: Arc<CatalogueCache>,
    pub(crate) checks: FairPermits,
    pub(crate) previews: FairPermits,
    /// Wakes the worker: a result may be ready.
    pub(crate) wake: Notify,
    pub(crate) schedules: ScheduleSignal,
}

/// Wakes the scheduler and the sweep.
#[derive(Default)]
pub(crate) struct ScheduleSignal {
    /// A schedule may be due earlier than the scheduler knows.
    pub(crate) changed: Notify,
    /// Whether schedules were saved since the last sweep.
    pub(crate) saved: AtomicBool,
}

impl ScheduleSignal {
    /// Notes that schedules were saved.
    pub(crate) fn announce(&self) {
        self.saved.store(true, Ordering::Release);
        self.changed.notify_one();
    }
}

impl Node {
    pub(crate) fn new(
        stores: Stores,
        actions: Arc<dyn Actions>,
        files: Arc<dyn Files>,
        clock: Arc<dyn Clock>,
        spill: SpillConfig,
    ) -> Self {
        let catalogues = Arc::new(CatalogueCache::new(&stores, actions.bundled()));
        Self {
            id: NodeId(new_id()),
            jobs: JobCache::new(&stores, Arc::clone(&catalogues)),
            catalogues,
            usage: Usage::new(&stores),
            metrics: Metrics::new(&stores.metrics),
            stores,
            actions,
            files,
            health: Health::new(Arc::clone(&clock)),
            clock,
            spill,
            integrity: Integrity::default(),
            events: Events::default(),
            running: RunningResults::default(),
            waits: WaitRegistry::default(),
            checks: FairPermits::new(CHECKS_AT_ONCE, CHECKS_OF_ONE_ORGANIZATION),
            previews: FairPermits::new(PREVIEWS_AT_ONCE, PREVIEWS_OF_ONE_ORGANIZATION),
            wake: Notify::new(),
            schedules: ScheduleSignal::default(),
        }
    }

    pub(crate) fn publish(&self, organization: OrganizationId, result: ResultId, change: ResultChange) {
        self.events.publish(ResultEvent { organization, result, change });
    }

    /// The progress of the running line of a result, if it runs here or waits here for jobs that it started.
    pub(crate) fn progress(&self, id: ResultId) -> Option<Progress> {
        self.waits.progress(id).or_else(|| self.running.find(id)?.progress())
    }
}

/// A new identity. Identities of this process increase with time.
pub(crate) fn new_id() -> Uuid {
    Uuid::now_v7()
}
