//! The engine: all ports in one place, and what several stops share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Notify, Semaphore};
use uuid::Uuid;

use super::awaited::Waits;
use super::figures::Figures;
use super::health::Health;
use super::integrity::Integrity;
use super::preview::PREVIEWS_AT_ONCE;
use super::ready::ReadyJobs;
use super::running::Running;
use super::set::Room;
use super::shelf::Shelf;
use crate::model::organization::OrganizationId;
use crate::model::result::ResultId;
use crate::ports::actions::Actions;
use crate::ports::clock::Clock;
use crate::ports::collections::Collections;
use crate::ports::files::Files;
use crate::ports::jobs::Jobs;
use crate::ports::modules::{GrantBook, Modules, Uploads};
use crate::ports::notices::{Change, Notice, Notices, Progress};
use crate::ports::organizations::Organizations;
use crate::ports::queue::{Finished, NodeId, Queue};
use crate::ports::queues::Queues;
use crate::ports::results::Results;
use crate::ports::schedules::Schedules;
use crate::ports::scratch::Scratch;
use crate::ports::templates::FilterTemplates;
use crate::ports::webhooks::Webhooks;

/// Everything that jobs need, behind ports. A clone is the same engine.
#[derive(Clone)]
pub struct Engine {
    /// Organizations and tokens.
    pub organizations: Arc<dyn Organizations>,
    /// Jobs and their versions.
    pub jobs: Arc<dyn Jobs>,
    /// The history.
    pub results: Arc<dyn Results>,
    /// What waits and what is being worked on.
    pub queue: Arc<dyn Queue>,
    /// Records that are kept for organizations.
    pub collections: Arc<dyn Collections>,
    /// Installed modules.
    pub modules: Arc<dyn Modules>,
    /// What modules may do.
    pub grants: Arc<dyn GrantBook>,
    /// Files that were sent to be used soon.
    pub uploads: Arc<dyn Uploads>,
    /// Filter templates and their versions.
    pub templates: Arc<dyn FilterTemplates>,
    /// What action lines can do.
    pub actions: Arc<dyn Actions>,
    /// What file sources may read.
    pub files: Arc<dyn Files>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What sets are held in.
    pub room: Room,
    /// Whether this node works.
    pub health: Arc<Health>,
    /// Whether its database is damaged.
    pub integrity: Arc<Integrity>,
    /// Hints for whoever watches.
    pub notices: Notices,
    /// The queues.
    pub queues: Arc<dyn Queues>,
    /// Schedules, and how far each has come.
    pub schedules: Arc<dyn Schedules>,
    /// Secret addresses that start jobs.
    pub webhooks: Arc<dyn Webhooks>,
    /// This process, among those that share a store.
    pub node: NodeId,
    /// What this node works on at the moment.
    pub(crate) running: Arc<Running>,
    /// The results of this node that wait for jobs they started.
    pub(crate) waits: Arc<Waits>,
    /// Versions of jobs that were read already.
    pub(crate) ready: Arc<ReadyJobs>,
    /// The modules of each organization, ready to be looked at.
    pub(crate) shelf: Arc<Shelf>,
    /// How many filters may be tried out at once.
    pub(crate) previews: Arc<Semaphore>,
    /// What this node counts.
    pub figures: Arc<Figures>,
    /// Tells the worker that something may be ready.
    pub(crate) wake: Arc<Notify>,
    /// Tells the scheduler that something may come due earlier than it knows.
    pub(crate) schedules_changed: Arc<Notify>,
    /// Whether schedules were saved since the last sweep.
    pub(crate) schedules_saved: Arc<AtomicBool>,
}

/// The ports that one store gives.
pub struct Stores {
    /// Organizations and tokens.
    pub organizations: Arc<dyn Organizations>,
    /// Jobs and their versions.
    pub jobs: Arc<dyn Jobs>,
    /// The history.
    pub results: Arc<dyn Results>,
    /// What waits.
    pub queue: Arc<dyn Queue>,
    /// Records that are kept for organizations.
    pub collections: Arc<dyn Collections>,
    /// Installed modules.
    pub modules: Arc<dyn Modules>,
    /// What modules may do.
    pub grants: Arc<dyn GrantBook>,
    /// Files that were sent to be used soon.
    pub uploads: Arc<dyn Uploads>,
    /// The queues.
    pub queues: Arc<dyn Queues>,
    /// Schedules, and how far each has come.
    pub schedules: Arc<dyn Schedules>,
    /// Secret addresses that start jobs.
    pub webhooks: Arc<dyn Webhooks>,
    /// Filter templates and their versions.
    pub templates: Arc<dyn FilterTemplates>,
}

impl Stores {
    /// Every port from one store.
    pub fn of<S>(store: Arc<S>) -> Self
    where
        S: Organizations
            + Jobs
            + Results
            + Queue
            + Collections
            + Modules
            + GrantBook
            + Uploads
            + FilterTemplates
            + Queues
            + Schedules
            + Webhooks
            + 'static,
    {
        Self {
            organizations: store.clone(),
            jobs: store.clone(),
            results: store.clone(),
            queue: store.clone(),
            collections: store.clone(),
            modules: store.clone(),
            grants: store.clone(),
            uploads: store.clone(),
            queues: store.clone(),
            schedules: store.clone(),
            webhooks: store.clone(),
            templates: store,
        }
    }
}

impl Engine {
    /// An engine on these ports. Sets that are too large for memory go to the system's folder
    /// for temporary files; see [`Self::with_scratch`].
    pub fn new(stores: Stores, actions: Arc<dyn Actions>, files: Arc<dyn Files>, clock: Arc<dyn Clock>) -> Self {
        Self {
            organizations: stores.organizations,
            jobs: stores.jobs,
            results: stores.results,
            queue: stores.queue,
            collections: stores.collections,
            modules: stores.modules,
            grants: stores.grants,
            uploads: stores.uploads,
            queues: stores.queues,
            schedules: stores.schedules,
            webhooks: stores.webhooks,
            node: NodeId(Self::new_id()),
            templates: stores.templates,
            shelf: Arc::new(Shelf::of(actions.bundled())),
            actions,
            files,
            health: Arc::new(Health::of(Arc::clone(&clock))),
            integrity: Arc::default(),
            clock,
            room: Room::default(),
            notices: Notices::default(),
            running: Arc::default(),
            waits: Arc::default(),
            ready: Arc::default(),
            previews: Arc::new(Semaphore::new(PREVIEWS_AT_ONCE)),
            figures: Arc::default(),
            wake: Arc::default(),
            schedules_changed: Arc::default(),
            schedules_saved: Arc::default(),
        }
    }

    /// The same engine with another place for sets that are too large for memory.
    #[must_use]
    pub fn with_scratch(self, scratch: Arc<dyn Scratch>) -> Self {
        Self { room: Room::with(scratch), ..self }
    }

    /// How far the running line of a result has come, if this node works on it or it waits here
    /// for jobs that it started.
    pub fn progress(&self, id: ResultId) -> Option<Progress> {
        self.waits.progress(id).or_else(|| self.running.find(id)?.progress())
    }

    pub(crate) fn tell(&self, organization: OrganizationId, result: ResultId, change: Change) {
        self.notices.publish(Notice { organization, result, change });
    }

    /// Tells the scheduler, and the sweep, of schedules that were saved.
    pub(crate) fn tell_of_schedules(&self) {
        self.schedules_saved.store(true, Ordering::Release);
        self.schedules_changed.notify_one();
    }

    /// Wakes whoever waited for an end.
    pub(crate) fn wake_after_end(&self, organization: OrganizationId, finished: &Finished) {
        self.waits.remove(finished.result.id);
        self.tell_starter(&finished.result, organization);
        if finished.more {
            self.wake.notify_one();
        }
        if finished.rearmed {
            self.schedules_changed.notify_one();
        }
    }

    /// A new identity, later than every earlier one of this node.
    pub(crate) fn new_id() -> Uuid {
        Uuid::now_v7()
    }
}
