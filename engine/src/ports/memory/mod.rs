//! The twins in memory of the store ports: for `run` without a server, and for
//! tests. They pass the same suite as every adapter, and keep nothing.

pub mod actions;
mod collections;
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
mod webhooks;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::jobs::SavedJob;
use super::modules::Upload;
use super::parts::{BatchDone, PartKind};
use super::queue::{Crashes, NodeId};
use super::schedules::{Place, SavedSchedule};
use super::templates::SavedTemplate;
use super::{Listed, PAGE_BYTES, StoreError};
use crate::model::Instant;
use crate::model::collection::Written;
use crate::model::grant::Grants;
use crate::model::module::Installed;
use crate::model::organization::{Organization, OrganizationId};
use crate::model::record::Records;
use crate::model::result::{JobResult, LineResult, ResultId};
use crate::model::token::TokenRecord;
use crate::model::turn::QueueName;
use crate::model::webhook::{Webhook, WebhookId};

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

    /// Every call decides before it writes, so a panic elsewhere leaves the tables whole.
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Tables {
    organizations: BTreeMap<OrganizationId, Organization>,
    tokens: BTreeMap<Uuid, TokenRecord>,
    /// Every version of each job, oldest first; never empty.
    jobs: BTreeMap<(OrganizationId, String), Vec<SavedJob>>,
    /// The last version of each job that was deleted.
    deleted_jobs: BTreeMap<(OrganizationId, String), u32>,
    results: BTreeMap<(OrganizationId, ResultId), Entry>,
    /// The results of starts that named themselves.
    starts: BTreeMap<(OrganizationId, String), (ResultId, String)>,
    collections: BTreeMap<(OrganizationId, String), Arc<collections::Collection>>,
    /// What calls that are made once came to.
    written: BTreeMap<(OrganizationId, ResultId, String), Written>,
    modules: Vec<(modules::Holder, Installed)>,
    components: BTreeMap<String, Arc<[u8]>>,
    grants: BTreeMap<(OrganizationId, String), Grants>,
    uploads: BTreeMap<(OrganizationId, Uuid), Upload>,
    schedules: BTreeMap<Place, SavedSchedule>,
    webhooks: BTreeMap<WebhookId, Webhook>,
    /// The queues that were set up, with their limits.
    queues: BTreeMap<QueueName, Option<u32>>,
    /// The organization that was served last.
    last_served: Option<OrganizationId>,
    beats: BTreeMap<NodeId, Instant>,
    /// Every version of each filter template, oldest first; never empty.
    templates: BTreeMap<(modules::Holder, String), Vec<SavedTemplate>>,
}

/// All that belongs to one job result.
#[derive(Debug)]
struct Entry {
    result: JobResult,
    records: Records,
    lines: BTreeMap<u32, LineResult>,
    /// The number of the newest lease, whoever holds it; 0 before the first claim.
    lease: u32,
    stands: Stands,
    queue: QueueName,
    /// The line that is next, and how often it was tried.
    checkpoint: Option<(u32, u32)>,
    batches: Vec<BatchDone>,
    parts: BTreeMap<(u32, PartKind, u32), Records>,
    crashes: Crashes,
    /// Until when it is performed with nothing else at work on its node.
    isolated_until: Option<Instant>,
}

/// What a result waits for, or who works on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    Ready,
    /// For an earlier result of its job.
    Behind,
    Later(Instant),
    Leased(NodeId),
    Ended,
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

/// What only an error in this program brings about.
fn impossible(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Unavailable(cause.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::suite;

    #[tokio::test]
    async fn memory_passes_the_store_suite() {
        suite::every_case(async || MemoryStore::new()).await;
    }
}
