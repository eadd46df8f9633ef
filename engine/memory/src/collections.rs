//! Collections, in memory.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::mpsc::Sender;

use super::{MemoryStore, listed};
use engine::model::collection::{Change, Entries, Entry, Written, work_out};
use engine::model::criteria::{Criteria, Verdict};
use engine::model::organization::OrgScope;
use engine::model::record::size_of_text;
use engine::ports::collections::{Collections, Find, Once, Wanted};
use engine::ports::{Listed, StoreError};

/// The records of one collection, by key.
pub(super) type Collection = BTreeMap<String, Value>;

/// How many records of a snapshot are sent together.
const PORTION: usize = 256;

#[async_trait]
impl Collections for MemoryStore {
    async fn write(
        &self,
        scope: OrgScope,
        collection: &str,
        changes: &[Change],
        once: Option<&Once>,
    ) -> Result<Written, StoreError> {
        let mut tables = self.tables();
        let call = once.map(|once| (scope.organization(), once.result, once.call.clone()));
        if let Some(written) = call.as_ref().and_then(|call| tables.written.get(call)) {
            return Ok(written.clone());
        }
        let place = (scope.organization(), collection.to_owned());
        let written = apply(Arc::make_mut(tables.collections.entry(place).or_default()), changes);
        tables.written.extend(call.map(|call| (call, written.clone())));
        Ok(written)
    }

    async fn get(&self, scope: OrgScope, collection: &str, keys: &[String]) -> Result<Vec<Option<Value>>, StoreError> {
        let tables = self.tables();
        let records = tables.collections.get(&(scope.organization(), collection.to_owned()));
        Ok(keys.iter().map(|key| records?.get(key).cloned()).collect())
    }

    async fn find(&self, scope: OrgScope, collection: &str, find: &Find) -> Result<Entries, StoreError> {
        let tables = self.tables();
        let Some(records) = tables.collections.get(&(scope.organization(), collection.to_owned())) else {
            return Ok(Entries::default());
        };
        let from = find.after.as_ref().map_or(Bound::Unbounded, |after| Bound::Excluded(after.clone()));
        let matching = records.range((from, Bound::Unbounded)).filter(|(_, data)| find.criteria.matches(data));
        let page = listed(matching.map(entry), find.limit, |entry| size_of_text(&entry.data));
        let next = page.items.last().filter(|_| page.more).map(|entry| entry.key.clone());
        Ok(Entries { entries: page.items, next })
    }

    async fn snapshot(
        &self,
        scope: OrgScope,
        collection: &str,
        wanted: &Wanted,
        to: Sender<Vec<Entry>>,
    ) -> Result<bool, StoreError> {
        // A write during the snapshot changes a copy.
        let records = self.tables().collections.get(&(scope.organization(), collection.to_owned())).cloned();
        let Some(records) = records else { return Ok(false) };
        let (mut left, mut taken) = (wanted.limit.unwrap_or(usize::MAX), Vec::new());
        for record in records.iter() {
            if left == 0 {
                break;
            }
            let verdict = wanted.criteria.judge(record.1);
            left -= usize::from(verdict == Verdict::Holds);
            taken.extend((verdict != Verdict::Fails).then_some(record));
        }
        for portion in taken.chunks(PORTION) {
            if to.send(portion.iter().copied().map(entry).collect()).await.is_err() {
                break;
            }
        }
        Ok(true)
    }

    async fn count(&self, scope: OrgScope, collection: &str, criteria: &Criteria) -> Result<Option<u64>, StoreError> {
        let tables = self.tables();
        let records = tables.collections.get(&(scope.organization(), collection.to_owned()));
        let matching =
            |records: &Arc<Collection>| records.values().filter(|data| criteria.matches(data)).count() as u64;
        Ok(records.map(matching))
    }

    async fn delete(
        &self,
        scope: OrgScope,
        collection: &str,
        keys: &[String],
        criteria: &Criteria,
    ) -> Result<u32, StoreError> {
        let mut tables = self.tables();
        let records = tables.collections.get_mut(&(scope.organization(), collection.to_owned()));
        let Some(records) = records.map(Arc::make_mut) else { return Ok(0) };
        let mut deleted = 0;
        for key in keys {
            if records.get(key).is_some_and(|data| criteria.matches(data)) {
                records.remove(key);
                deleted += 1;
            }
        }
        Ok(deleted)
    }

    async fn list(&self, scope: OrgScope, after: Option<&str>, limit: u32) -> Result<Listed<String>, StoreError> {
        let organization = scope.organization();
        let from = match after {
            Some(name) => Bound::Excluded((organization, name.to_owned())),
            None => Bound::Included((organization, String::new())),
        };
        let tables = self.tables();
        let own =
            tables.collections.range((from, Bound::Unbounded)).take_while(|((owner, _), _)| *owner == organization);
        Ok(listed(own.map(|((_, name), _)| name.clone()), limit, |_| 0))
    }

    async fn tally(&self, scope: OrgScope) -> Result<u64, StoreError> {
        let tables = self.tables();
        Ok(tables.collections.keys().filter(|(owner, _)| *owner == scope.organization()).count() as u64)
    }

    async fn remove(&self, scope: OrgScope, collection: &str) -> Result<bool, StoreError> {
        Ok(self.tables().collections.remove(&(scope.organization(), collection.to_owned())).is_some())
    }
}

fn apply(records: &mut Collection, changes: &[Change]) -> Written {
    let (written, left) = work_out(changes, |key| records.get(key));
    let left: Vec<_> = left.into_iter().map(|(key, data)| (key.to_owned(), data.cloned())).collect();
    for (key, data) in left {
        match data {
            Some(data) => records.insert(key, data),
            None => records.remove(&key),
        };
    }
    written
}

fn entry((key, data): (&String, &Value)) -> Entry {
    Entry { key: key.clone(), data: data.clone() }
}
