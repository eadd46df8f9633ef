//! What a store remembers of its tables, so that the reads that every start and every line repeat are free.
//!
//! Only a store whose process owns the file remembers anything: then every change goes through its own writer, which
//! corrects the memory after the commit and before the answer ([`Command::committed`](crate::writer::Command)). So an
//! answered change is in force for the next read.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use engine::model::Instant;
use engine::model::grant::Grants;
use engine::model::organization::{Organization, OrganizationId};
use engine::model::token::TokenRecord;
use engine::ports::StoreError;
use engine::ports::jobs::SavedJob;
use sea_orm::prelude::Uuid;

/// How many values of a kind are remembered. When there are more, all are forgotten.
const CAPACITY: usize = 1024;

/// What a store remembers.
#[derive(Debug)]
pub(crate) struct Memory {
    pub tokens: Remembered<Uuid, Option<TokenRecord>>,
    pub organizations: Remembered<OrganizationName, Option<Organization>>,
    pub grants: Remembered<OrganizationId, BTreeMap<String, Grants>>,
    /// The newest versions.
    pub jobs: Remembered<JobName, Option<SavedJob>>,
    /// Whether an organization has a queue with this key.
    pub queues: Remembered<(OrganizationId, String), bool>,
    /// The clock readings of the last successes.
    pub successes: Remembered<JobName, Option<Instant>>,
}

/// An organization, and the key of a job of it.
pub(crate) type JobName = (OrganizationId, String);

/// How a caller names an organization.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum OrganizationName {
    Id(OrganizationId),
    Key(String),
}

impl Memory {
    /// Remembers nothing unless it is enabled.
    pub fn new(enabled: bool) -> Self {
        Self {
            tokens: Remembered::new(enabled),
            organizations: Remembered::new(enabled),
            grants: Remembered::new(enabled),
            jobs: Remembered::new(enabled),
            queues: Remembered::new(enabled),
            successes: Remembered::new(enabled),
        }
    }

    /// Forgets everything, because it is unknown what was changed.
    pub fn forget_all(&self) {
        self.tokens.forget_all();
        self.organizations.forget_all();
        self.grants.forget_all();
        self.jobs.forget_all();
        self.queues.forget_all();
        self.successes.forget_all();
    }
}

/// Values of one kind.
#[derive(Debug)]
pub(crate) struct Remembered<K, V> {
    enabled: bool,
    values: Mutex<Values<K, V>>,
}

#[derive(Debug)]
struct Values<K, V> {
    all: HashMap<K, Slot<V>>,
    reads: u64,
}

#[derive(Debug)]
enum Slot<V> {
    Known(V),
    /// It is being read. A change in the meantime removes the slot, so that an outdated value is not kept.
    Read(u64),
}

impl<K: Clone + Eq + Hash + Debug, V: Clone + PartialEq + Debug> Remembered<K, V> {
    fn new(enabled: bool) -> Self {
        Self { enabled, values: Mutex::new(Values { all: HashMap::new(), reads: 0 }) }
    }

    fn values(&self) -> MutexGuard<'_, Values<K, V>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The remembered value, or the one that is read now. It is kept if it is `worth` that.
    async fn get<Reading: Future<Output = Result<V, StoreError>>>(
        &self,
        key: K,
        worth: impl Fn(&V) -> bool,
        read: impl Fn() -> Reading,
    ) -> Result<V, StoreError> {
        if !self.enabled {
            return read().await;
        }
        if let Some(value) = self.known(&key) {
            #[cfg(debug_assertions)]
            self.check(&key, &value, read).await?;
            return Ok(value);
        }
        let number = self.begin_read(key.clone());
        let value = read().await;
        let mut values = self.values();
        if matches!(values.all.get(&key), Some(Slot::Read(of)) if *of == number) {
            match &value {
                Ok(value) if worth(value) => values.all.insert(key, Slot::Known(value.clone())),
                _ => values.all.remove(&key),
            };
        }
        value
    }

    /// The same for a value that is always kept.
    pub async fn read<Reading: Future<Output = Result<V, StoreError>>>(
        &self,
        key: K,
        read: impl Fn() -> Reading,
    ) -> Result<V, StoreError> {
        self.get(key, |_| true, read).await
    }

    fn known(&self, key: &K) -> Option<V> {
        match self.values().all.get(key) {
            Some(Slot::Known(value)) => Some(value.clone()),
            _ => None,
        }
    }

    fn begin_read(&self, key: K) -> u64 {
        let mut values = self.values();
        if values.all.len() >= CAPACITY {
            values.all.clear();
        }
        values.reads += 1;
        let number = values.reads;
        values.all.insert(key, Slot::Read(number));
        number
    }

    /// Changes a value that is known, or forgets it if `changed` gives none. One that is being read is not kept.
    pub fn change(&self, key: &K, changed: impl FnOnce(&V) -> Option<V>) {
        let mut values = self.values();
        let changed = match values.all.get(key) {
            Some(Slot::Known(value)) => changed(value),
            Some(Slot::Read(_)) | None => None,
        };
        match changed {
            Some(changed) => drop(values.all.insert(key.clone(), Slot::Known(changed))),
            None => drop(values.all.remove(key)),
        }
    }

    pub fn forget(&self, key: &K) {
        self.values().all.remove(key);
    }

    pub fn forget_all(&self) {
        self.values().all.clear();
    }

    /// Compares a remembered value with the table. They may only differ between a commit and its answer.
    #[cfg(debug_assertions)]
    async fn check<Reading: Future<Output = Result<V, StoreError>>>(
        &self,
        key: &K,
        value: &V,
        read: impl Fn() -> Reading,
    ) -> Result<(), StoreError> {
        use std::time::Duration;

        const ATTEMPTS: u32 = 200;
        for _ in 0..ATTEMPTS {
            let stored = read().await?;
            if stored == *value || self.known(key).as_ref() != Some(value) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("what is remembered of {key:?} is not what is stored: {value:?}");
    }
}

impl<K: Clone + Eq + Hash + Debug, V: Clone + PartialEq + Debug> Remembered<K, Option<V>> {
    /// The same for a value that is kept only if there is one, so that nobody fills the memory with names that do not
    /// exist.
    pub async fn find<Reading: Future<Output = Result<Option<V>, StoreError>>>(
        &self,
        key: K,
        read: impl Fn() -> Reading,
    ) -> Result<Option<V>, StoreError> {
        self.get(key, Option::is_some, read).await
    }
}

impl<K: Clone + Eq + Hash + Debug> Remembered<K, bool> {
    /// The same for a fact that is kept only if it is true.
    pub async fn holds<Reading: Future<Output = Result<bool, StoreError>>>(
        &self,
        key: K,
        read: impl Fn() -> Reading,
    ) -> Result<bool, StoreError> {
        self.get(key, |holds| *holds, read).await
    }
}
