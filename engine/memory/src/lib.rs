//! A store in memory, for `run` without a server and for tests. It passes the same suite as every adapter, and its data
//! ends with the process.

mod audit;
mod collections;
pub mod functions;
mod jobs;
mod modules;
mod organizations;
mod parts;
mod prune;
mod queue;
mod queues;
mod results;
mod schedules;
mod templates;
mod tokens;
mod webhooks;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use engine::model::Instant;
use engine::model::audit::AuditEntry;
use engine::model::collection::Written;
use engine::model::fairness::QueueName;
use engine::model::grant::Grants;
use engine::model::lifecycle::isolation::Crashes;
use engine::model::lifecycle::lease_state::LeaseState;
use engine::model::module::Installed;
use engine::model::organization::{Organization, OrganizationId};
use engine::model::record::Records;
use engine::model::result::{JobResult, LineResult, ResultId};
use engine::model::token::TokenRecord;
use engine::model::webhook::{Webhook, WebhookId};
use engine::ports::jobs::SavedJob;
use engine::ports::modules::Upload;
use engine::ports::parts::{BatchDone, PartKind};
use engine::ports::queue::NodeId;
use engine::ports::schedules::{SavedSchedule, ScheduleRef};
use engine::ports::templates::SavedTemplate;
use engine::ports::{Listed, PAGE_BYTES, StoreError};

/// A store that lives as long as the process. Implements every store port.
#[derive(Debug, Default)]
pub struct MemoryStore {
    tables: Mutex<Tables>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every call decides before it writes, so the tables are consistent even after a panic.
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Tables {
    organizations: BTreeMap<OrganizationId, Organization>,
    tokens: BTreeMap<Uuid, TokenRecord>,
    audit: BTreeMap<Uuid, AuditEntry>,
    /// All versions of each job, oldest first; never empty.
    jobs: BTreeMap<(OrganizationId, String), Vec<SavedJob>>,
    /// The last version of each job that was deleted.
    deleted_jobs: BTreeMap<(OrganizationId, String), u32>,
    results: BTreeMap<(OrganizationId, ResultId), Entry>,
    /// The results of starts with an idempotency key.
    starts: BTreeMap<(OrganizationId, String), (ResultId, String)>,
    collections: BTreeMap<(OrganizationId, String), Arc<collections::Collection>>,
    /// The outcomes of calls that must run only once.
    written: BTreeMap<(OrganizationId, ResultId, String), Written>,
    modules: Vec<(modules::Holder, Installed)>,
    components: BTreeMap<String, Arc<[u8]>>,
    grants: BTreeMap<(OrganizationId, String), Grants>,
    uploads: BTreeMap<(OrganizationId, Uuid), Upload>,
    schedules: BTreeMap<ScheduleRef, SavedSchedule>,
    webhooks: BTreeMap<WebhookId, Webhook>,
    /// The queues that were set up, with their limits.
    queues: BTreeMap<QueueName, Option<u32>>,
    /// The organization that was served last.
    last_served: Option<OrganizationId>,
    beats: BTreeMap<NodeId, Instant>,
    /// All versions of each filter template, oldest first; never empty.
    templates: BTreeMap<(modules::Holder, String), Vec<SavedTemplate>>,
}

/// All that belongs to one job result.
#[derive(Debug)]
struct Entry {
    result: JobResult,
    records: Records,
    lines: BTreeMap<u32, LineResult>,
    /// The number of the newest lease; 0 before the first claim.
    lease: u32,
    /// None when it has ended.
    state: Option<LeaseState>,
    /// The node that holds it, while it is [`LeaseState::Leased`].
    node: Option<NodeId>,
    /// Until when it waits, while it is [`LeaseState::Later`].
    ready_at: Option<Instant>,
    queue: QueueName,
    /// The next line, and how often it was tried.
    checkpoint: Option<(u32, u32)>,
    batches: Vec<BatchDone>,
    parts: BTreeMap<(u32, PartKind, u32), Records>,
    crashes: Crashes,
    /// Until when it runs alone on its node.
    isolated_until: Option<Instant>,
}

/// A page of these items: at most `limit`, and at most [`PAGE_BYTES`] by `weigh`.
fn listed<Item>(items: impl Iterator<Item = Item>, limit: u32, weigh: impl Fn(&Item) -> usize) -> Listed<Item> {
    within(items, (limit as usize, PAGE_BYTES), weigh)
}

/// The first items, until there are `most` or they hold more than `bytes`; at least one.
fn within<Item>(
    items: impl Iterator<Item = Item>,
    (most, bytes): (usize, usize),
    weigh: impl Fn(&Item) -> usize,
) -> Listed<Item> {
    let (mut page, mut read) = (Vec::new(), 0);
    for item in items {
        read += weigh(&item);
        if page.len() == most || (read > bytes && !page.is_empty()) {
            return Listed { items: page, more: true };
        }
        page.push(item);
    }
    Listed { items: page, more: false }
}

/// An error that only a bug of the program can cause.
fn impossible(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Unavailable(cause.into())
}
