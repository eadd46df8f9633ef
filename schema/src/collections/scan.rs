//! Scans a collection in the order of its keys with one statement, which sees the collection as it was when the scan
//! began.
//!
//! Records are checked in portions on blocking threads, since criteria may hold costly patterns.

use std::pin::Pin;
use std::sync::Arc;

use engine::model::collection::Entry;
use engine::model::criteria::{Criteria, Verdict};
use engine::model::organization::OrgScope;
use engine::model::record::size_of_text;
use engine::ports::{Listed, PAGE_BYTES, StoreError};
use futures_util::{Stream, TryStreamExt};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, Select};
use tokio::sync::SemaphorePermit;

use super::pushdown;
use crate::entities::collection_records::{Column, Entity, Model};
use crate::{Store, failed, unavailable};

/// How many records, and how many bytes of them, are checked together.
const PORTION: usize = 256;
const PORTION_BYTES: usize = 1024 * 1024;
/// How many records the first portion has: a search for one record should not read hundreds.
const FIRST_PORTION: usize = 16;

/// The records of a collection.
pub(super) fn of(scope: OrgScope, collection: &str) -> Select<Entity> {
    Entity::find().filter(Column::OrganizationId.eq(scope.organization().0)).filter(Column::Collection.eq(collection))
}

/// Which records of a collection to read.
pub(super) struct RecordQuery<'a> {
    pub scope: OrgScope,
    pub collection: &'a str,
    pub criteria: &'a Criteria,
    /// Whether records are returned too for which the criteria are undecided.
    pub undecided: bool,
    pub after: Option<&'a str>,
}

impl RecordQuery<'_> {
    fn statement(&self) -> Select<Entity> {
        let mut records = of(self.scope, self.collection).order_by_asc(Column::Key);
        if let Some(after) = self.after {
            records = records.filter(Column::Key.gt(after));
        }
        match pushdown::condition(self.criteria) {
            Some(condition) => records.filter(condition),
            None => records,
        }
    }

    /// A page of the records that match: at most `limit`, and at most [`PAGE_BYTES`].
    pub async fn page(&self, store: &Store, limit: usize) -> Result<Listed<Entry>, StoreError> {
        let (mut items, mut bytes) = (Vec::new(), 0);
        let mut scan = self.begin(store, limit + 1).await?;
        while let Some(portion) = scan.next().await? {
            for entry in portion {
                bytes += size_of_text(&entry.data);
                if items.len() == limit || (bytes > PAGE_BYTES && !items.is_empty()) {
                    return Ok(Listed { items, more: true });
                }
                items.push(entry);
            }
        }
        Ok(Listed { items, more: false })
    }

    /// Begins a scan over the first `most` records that match.
    pub async fn begin<'store>(&self, store: &'store Store, most: usize) -> Result<RecordScan<'store>, StoreError> {
        // A scan holds its connection for long, so other connections are kept free for short reads.
        let permit = store.scans.acquire().await.map_err(unavailable)?;
        let rows = self.statement().stream(&store.readers).await.map_err(failed)?;
        let criteria = Arc::new(self.criteria.clone());
        let undecided = self.undecided;
        Ok(RecordScan { rows: Box::pin(rows), criteria, undecided, size: FIRST_PORTION, most, _permit: permit })
    }
}

/// A scan over the records that match.
pub(super) struct RecordScan<'store> {
    rows: Pin<Box<dyn Stream<Item = Result<Model, DbErr>> + Send + 'store>>,
    criteria: Arc<Criteria>,
    undecided: bool,
    /// How many records the next portion has.
    size: usize,
    /// How many matching records are still wanted.
    most: usize,
    _permit: SemaphorePermit<'store>,
}

impl RecordScan<'_> {
    /// The next records, at least one; none at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<Entry>>, StoreError> {
        while self.most > 0 {
            let portion = self.read().await?;
            if portion.is_empty() {
                break;
            }
            let criteria = Arc::clone(&self.criteria);
            let checked = tokio::task::spawn_blocking(move || check(portion, &criteria));
            let entries = self.take(checked.await.map_err(unavailable)??);
            if !entries.is_empty() {
                return Ok(Some(entries));
            }
        }
        Ok(None)
    }

    /// The records to return, until as many match as are wanted.
    fn take(&mut self, checked: Vec<(Entry, Verdict)>) -> Vec<Entry> {
        let mut wanted = Vec::new();
        for (entry, verdict) in checked {
            if self.most == 0 {
                break;
            }
            let matches = verdict == Verdict::Holds;
            self.most -= usize::from(matches);
            wanted.extend((matches || self.undecided).then_some(entry));
        }
        wanted
    }

    async fn read(&mut self) -> Result<Vec<Model>, StoreError> {
        let (mut portion, mut bytes) = (Vec::with_capacity(self.size), 0);
        while portion.len() < self.size && bytes < PORTION_BYTES {
            let Some(row) = self.rows.try_next().await.map_err(failed)? else { break };
            bytes += row.data.len();
            portion.push(row);
        }
        self.size = PORTION.min(self.size * 2);
        Ok(portion)
    }
}

fn check(rows: Vec<Model>, criteria: &Criteria) -> Result<Vec<(Entry, Verdict)>, StoreError> {
    let mut checked = Vec::new();
    for row in rows {
        let entry = row.read()?;
        let verdict = criteria.judge(&entry.data);
        checked.extend((verdict != Verdict::Fails).then_some((entry, verdict)));
    }
    Ok(checked)
}
