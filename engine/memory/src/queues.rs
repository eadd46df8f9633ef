//! The queues that were set up, in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use uuid::Uuid;

use super::{MemoryStore, Tables};
use engine::model::Instant;
use engine::model::fairness::QueueName;
use engine::model::lifecycle::lease_state::LeaseState;
use engine::model::organization::{OrgScope, OrganizationId};
use engine::ports::StoreError;
use engine::ports::queues::{DEFAULT_QUEUE, QueueDepth, QueueSetting, QueueState, Queues};

#[async_trait]
impl Queues for MemoryStore {
    async fn save_queue(&self, scope: OrgScope, setting: &QueueSetting) -> Result<(), StoreError> {
        let name = name(scope.organization(), &setting.key, setting.global);
        self.tables().queues.insert(name, setting.limit);
        Ok(())
    }

    async fn has_queue(&self, scope: OrgScope, key: &str) -> Result<bool, StoreError> {
        let named = |global| name(scope.organization(), key, global);
        let tables = self.tables();
        Ok(key == DEFAULT_QUEUE || [true, false].into_iter().any(|global| tables.queues.contains_key(&named(global))))
    }

    async fn queues(&self, scope: OrgScope) -> Result<Vec<QueueState>, StoreError> {
        let tables = self.tables();
        let organization = scope.organization();
        let mut seen = BTreeMap::from([(DEFAULT_QUEUE.to_owned(), None)]);
        // An organization's own queue comes before a global one with the same key.
        for holder in [Uuid::nil(), organization.0] {
            let own = tables.queues.iter().filter(|(name, _)| name.holder == holder);
            seen.extend(own.map(|(name, limit)| (name.key.clone(), *limit)));
        }
        Ok(seen.into_iter().map(|(key, limit)| tables.state_of_queue(organization, key, limit)).collect())
    }

    async fn depths(&self) -> Result<Vec<QueueDepth>, StoreError> {
        let tables = self.tables();
        let ready = tables.results.iter().filter(|(_, entry)| entry.state == Some(LeaseState::Ready));
        let mut depths = BTreeMap::<_, (u64, Instant)>::new();
        for ((_, id), entry) in ready {
            let (ready, oldest) = depths.entry(&entry.queue.key).or_insert((0, id.created_at()));
            (*ready, *oldest) = (*ready + 1, id.created_at().min(*oldest));
        }
        let depth = |(queue, (ready, oldest)): (&String, _)| QueueDepth { queue: queue.clone(), ready, oldest };
        Ok(depths.into_iter().map(depth).collect())
    }

    async fn remove_queue(&self, scope: OrgScope, key: &str, global: bool) -> Result<bool, StoreError> {
        Ok(self.tables().queues.remove(&name(scope.organization(), key, global)).is_some())
    }
}

fn name(organization: OrganizationId, key: &str, global: bool) -> QueueName {
    QueueName { holder: if global { Uuid::nil() } else { organization.0 }, key: key.to_owned() }
}

impl Tables {
    /// The queue with this key that an organization uses.
    pub(super) fn queue(&self, organization: OrganizationId, key: &str) -> QueueName {
        let own = name(organization, key, false);
        if self.queues.contains_key(&own) { own } else { name(organization, key, true) }
    }

    fn state_of_queue(&self, organization: OrganizationId, key: String, limit: Option<u32>) -> QueueState {
        let name = self.queue(organization, &key);
        let of_queue = || self.results.iter().filter(|(_, entry)| entry.queue == name);
        let waits = |state: Option<LeaseState>| state.is_some_and(|state| state != LeaseState::Leased);
        let waiting = of_queue().filter(|((owner, _), entry)| *owner == organization && waits(entry.state)).count();
        let running = self.occupancy().by_queue.get(&name).copied().unwrap_or(0).into();
        QueueState { key, global: name.holder.is_nil(), limit, waiting: waiting as u64, running }
    }
}
