//! The leases in memory, as the writer knows them: what is ready in which order, what waits for a time or for another
//! result, and what runs. So a claim, the check of a lease and an overlap rule need no statement.
//!
//! Commands change the leases here, and the transaction writes the changes to the table before it commits. A
//! transaction that is rolled back restores them.

mod handover;
mod stored;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use engine::model::Instant;
use engine::model::fairness::{Candidate, Capacity, Occupancy, QueueName};
use engine::model::lifecycle::admission::Unfinished;
use engine::model::lifecycle::lease_state::LeaseState;
use engine::model::organization::OrganizationId;
use engine::model::result::ResultId;
use engine::ports::StoreError;
use engine::ports::queue::{Lease, LeaseError, NodeId};
use sea_orm::prelude::Uuid;

use crate::columns::micros;
use crate::entities::leases::Model;
pub(crate) use handover::Handover;

/// How many lanes with candidates are looked at for one claim.
const LANES: usize = 64;
/// How many candidates are looked at for one claim.
const CANDIDATES: usize = 4096;
/// How many results are woken at once.
const WOKEN: usize = 1000;

/// The organization and the id of a result.
pub(crate) type Key = (Uuid, Uuid);
/// Organization, holder of the queue, and key of the queue: the ready results in it have an order.
type Lane = (Uuid, Uuid, String);
/// Rows of queues with their limits.
type Queues = HashMap<(Uuid, String), Option<u32>>;

/// All leases.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    known: bool,
    rows: HashMap<Key, Model>,
    /// The best first.
    ready: BTreeMap<Lane, BTreeSet<(Reverse<i64>, Uuid)>>,
    /// By the time at which they are due.
    later: BTreeSet<(i64, Key)>,
    /// Those with the fewest crashes first.
    isolated: BTreeSet<(i64, Uuid, Uuid)>,
    leased: BTreeSet<Key>,
    by_job: HashMap<(Uuid, String), OfJob>,
    /// What runs; without limits.
    running: Occupancy,
    queues: Queues,
    /// Results that need not be read again.
    pub handover: Handover,
    /// The rows that this transaction has changed, as they were before it.
    before: HashMap<Key, Option<Model>>,
    queues_before: Option<Queues>,
}

/// The unfinished results of a job.
#[derive(Debug, Default)]
struct OfJob {
    ahead: BTreeSet<Uuid>,
    behind: BTreeSet<Uuid>,
}

fn key(row: &Model) -> Key {
    (row.organization_id, row.job_result_id)
}

/// The organization and the id of the result of a lease.
pub(crate) fn key_of(lease: Lease) -> Key {
    (lease.organization.0, lease.result.0)
}

fn is_in(row: &Model, state: LeaseState) -> bool {
    row.state == state.word()
}

impl Leases {
    pub fn are_known(&self) -> bool {
        self.known
    }

    /// Forgets everything, since it is unknown what is stored.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    #[cfg(debug_assertions)]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    #[cfg(debug_assertions)]
    pub fn same_as(&self, other: &Self) -> bool {
        self.rows == other.rows && self.queues == other.queues
    }

    /// Ends a transaction that was committed.
    pub fn commit(&mut self) {
        self.before.clear();
        self.queues_before = None;
    }

    /// Restores what was before the transaction.
    pub fn roll_back(&mut self) {
        for (key, row) in std::mem::take(&mut self.before) {
            self.handover.forget(key);
            self.set(key, row);
        }
        if let Some(queues) = self.queues_before.take() {
            self.queues = queues;
        }
    }

    pub fn get(&self, key: Key) -> Option<&Model> {
        self.rows.get(&key)
    }

    /// The row of a lease that a worker holds. A row that waits belongs to no worker, and the end of a result deletes
    /// its row.
    pub fn held(&self, lease: Lease) -> Result<&Model, LeaseError> {
        let row = self.rows.get(&key_of(lease)).filter(|row| is_in(row, LeaseState::Leased));
        row.filter(|row| row.number == i64::from(lease.number)).ok_or(LeaseError::Lost)
    }

    /// Whether a worker still holds a lease.
    pub fn check(&self, lease: Lease) -> Result<(), LeaseError> {
        self.held(lease).map(drop)
    }

    /// Adds a lease.
    pub fn add(&mut self, row: Model) {
        self.write(key(&row), Some(row));
    }

    /// Changes a lease, if it exists.
    pub fn change(&mut self, key: Key, change: impl FnOnce(&mut Model)) {
        if let Some(mut row) = self.rows.get(&key).cloned() {
            change(&mut row);
            if !is_in(&row, LeaseState::Leased) {
                self.handover.take_running(key);
            }
            self.write(key, Some(row));
        }
    }

    pub fn remove(&mut self, key: Key) {
        self.handover.forget(key);
        self.write(key, None);
    }

    fn write(&mut self, key: Key, row: Option<Model>) {
        let old = self.set(key, row);
        self.before.entry(key).or_insert(old);
    }

    /// Sets or removes a row in all indexes, and returns the old one.
    fn set(&mut self, key: Key, row: Option<Model>) -> Option<Model> {
        let old = self.rows.remove(&key);
        if let Some(old) = &old {
            self.index(old, false);
        }
        if let Some(row) = row {
            self.index(&row, true);
            self.rows.insert(key, row);
        }
        old
    }

    fn index(&mut self, row: &Model, add: bool) {
        let (key, id) = (key(row), row.job_result_id);
        if is_in(row, LeaseState::Ready) {
            let lane = (row.organization_id, row.queue_holder, row.queue.clone());
            update_nested(&mut self.ready, lane, (Reverse(row.priority), id), add);
        }
        if is_in(row, LeaseState::Later) {
            update(&mut self.later, (row.ready_at.unwrap_or_default(), key), add);
        }
        if is_in(row, LeaseState::Leased) {
            update(&mut self.leased, key, add);
            let organization = OrganizationId(row.organization_id);
            match add {
                true => self.running.add(organization, &row.queue_name(), 1),
                false => self.running.remove(organization, &row.queue_name()),
            }
        }
        if row.isolated_until.is_some() {
            update(&mut self.isolated, (row.crashes_alone, id, row.organization_id), add);
        }
        let is_behind = is_in(row, LeaseState::Behind);
        if row.ahead || is_behind {
            let job = (row.organization_id, row.job_key.clone());
            let of_job = self.by_job.entry(job.clone()).or_default();
            update(if row.ahead { &mut of_job.ahead } else { &mut of_job.behind }, id, add);
            if of_job.ahead.is_empty() && of_job.behind.is_empty() {
                self.by_job.remove(&job);
            }
        }
    }

    /// The oldest unfinished results of a job.
    pub fn unfinished(&self, organization: Uuid, job: &str) -> Unfinished {
        let Some(of_job) = self.by_job.get(&(organization, job.to_owned())) else { return Unfinished::default() };
        let first = |ids: &BTreeSet<Uuid>| ids.first().copied().map(ResultId);
        Unfinished { ahead: first(&of_job.ahead), behind: first(&of_job.behind) }
    }

    /// All unfinished results of a job, oldest first.
    pub fn of_job(&self, organization: Uuid, job: &str) -> Vec<Model> {
        let of_job = self.by_job.get(&(organization, job.to_owned()));
        let ids: BTreeSet<_> =
            of_job.into_iter().flat_map(|of_job| of_job.ahead.iter().chain(&of_job.behind)).copied().collect();
        ids.into_iter().filter_map(|id| self.rows.get(&(organization, id))).cloned().collect()
    }

    /// The leases that workers hold: a few for each of their slots.
    pub fn leased(&self) -> impl Iterator<Item = &Model> {
        self.leased.iter().filter_map(|key| self.rows.get(key))
    }

    /// Whether nothing runs on the node.
    pub fn is_idle(&self, node: NodeId) -> bool {
        self.leased().all(|row| row.node != Some(node.0))
    }

    pub fn is_anything_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The isolated results, those with the fewest crashes first.
    pub fn isolated(&self) -> impl Iterator<Item = &Model> {
        self.isolated.iter().filter_map(|(_, id, organization)| self.rows.get(&(*organization, *id)))
    }

    /// Makes results ready that are due, and returns when the next one is.
    pub fn wake(&mut self, now: Instant) -> Result<Option<Instant>, StoreError> {
        let due = self.later.range(..=(micros(now), (Uuid::max(), Uuid::max())));
        let due: Vec<_> = due.take(WOKEN).map(|(_, key)| *key).collect();
        for key in due {
            self.change(key, Model::make_ready);
        }
        let next = self.later.first().and_then(|(_, key)| self.rows.get(key));
        next.map_or(Ok(None), |row| row.row_name().maybe_instant("ready_at", row.ready_at))
    }

    /// The candidates at the heads of lanes, from the organization on that comes after the one that was served last,
    /// and what runs, with the limits of their queues.
    pub fn candidates(
        &self,
        capacity: Capacity,
        last_served: Option<OrganizationId>,
    ) -> Result<(Vec<Candidate>, Occupancy), StoreError> {
        let mut running = Occupancy { last_served, ..self.running.clone() };
        let (mut lanes, mut candidates) = (0, Vec::new());
        let most = (capacity.slots + capacity.spare) as usize;
        // A key behind every lane of the organization.
        let last = (last_served.map_or(Uuid::nil(), |last| last.0), Uuid::max(), String::new());
        let behind = self.ready.range((Bound::Excluded(&last), Bound::Unbounded));
        for ((organization, holder, key), lane) in behind.chain(self.ready.range(..=&last)) {
            if lanes == LANES || candidates.len() >= CANDIDATES {
                break;
            }
            let queue = QueueName { holder: *holder, key: key.clone() };
            self.add_limits(&queue, &mut running);
            let organization = OrganizationId(*organization);
            let may_take = capacity.slots > 0 || !running.by_organization.contains_key(&organization);
            if running.is_full(&queue) || !may_take {
                continue;
            }
            lanes += 1;
            for (_, id) in lane.iter().take(most) {
                let Some(row) = self.rows.get(&(organization.0, *id)) else { continue };
                let priority = i32::try_from(row.priority);
                let priority = priority.map_err(|error| row.row_name().unreadable("priority", error))?;
                candidates.push(Candidate { organization, result: ResultId(*id), queue: queue.clone(), priority });
            }
        }
        Ok((candidates, running))
    }

    /// What runs, with the limits that apply to this queue.
    pub fn occupancy_of(&self, queue: &QueueName) -> Occupancy {
        let mut running = self.running.clone();
        self.add_limits(queue, &mut running);
        running
    }

    fn add_limits(&self, queue: &QueueName, running: &mut Occupancy) {
        for name in queue.and_shared() {
            let limit = self.queues.get(&(name.holder, name.key.clone())).copied().flatten();
            running.limits.extend(limit.map(|limit| (name, limit)));
        }
    }

    /// The queue with this key that an organization uses.
    pub fn queue(&self, organization: OrganizationId, key: &str) -> QueueName {
        let own = (organization.0, key.to_owned());
        let holder = if self.queues.contains_key(&own) { organization.0 } else { Uuid::nil() };
        QueueName { holder, key: own.1 }
    }

    /// Notes the row of a queue, or that it was removed.
    pub fn set_queue(&mut self, name: (Uuid, String), limit: Option<Option<u32>>) {
        if self.queues_before.is_none() {
            self.queues_before = Some(self.queues.clone());
        }
        match limit {
            Some(limit) => drop(self.queues.insert(name, limit)),
            None => drop(self.queues.remove(&name)),
        }
    }
}

fn update<T: Ord>(set: &mut BTreeSet<T>, item: T, add: bool) {
    if add {
        set.insert(item);
    } else {
        set.remove(&item);
    }
}

fn update_nested<K: Ord + Clone, T: Ord>(sets: &mut BTreeMap<K, BTreeSet<T>>, key: K, item: T, add: bool) {
    let set = sets.entry(key.clone()).or_default();
    update(set, item, add);
    if set.is_empty() {
        sets.remove(&key);
    }
}

#[cfg(test)]
mod tests;
