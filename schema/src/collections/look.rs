//! Walking a collection in the order of its keys, one statement from its first record to
//! the last that is wanted: what is seen is how the collection stood when it began.
//!
//! Records are read and checked in portions away from the threads that answer calls, since
//! criteria may hold costly patterns.

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

/// How many records are checked together at most, and how many bytes of them.
const PORTION: usize = 256;
const PORTION_BYTES: usize = 1024 * 1024;
/// How many records are checked first: whoever looks for one should not read hundreds.
const FIRST_PORTION: usize = 16;

/// The records of a collection.
pub(super) fn of(scope: OrgScope, collection: &str) -> Select<Entity> {
    Entity::find().filter(Column::OrganizationId.eq(scope.organization().0)).filter(Column::Collection.eq(collection))
}

/// What is looked for.
pub(super) struct Look<'a> {
    pub scope: OrgScope,
    pub collection: &'a str,
    pub criteria: &'a Criteria,
    /// Whether records come too for which the criteria are undecided.
    pub undecided: bool,
    pub after: Option<&'a str>,
}

impl Look<'_> {
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
        let mut walk = self.begin(store, limit + 1).await?;
        while let Some(portion) = walk.next().await? {
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

    /// Begins a walk over the first `most` records that match.
    pub async fn begin<'store>(&self, store: &'store Store, most: usize) -> Result<Walk<'store>, StoreError> {
        // A walk keeps its connection for long; the others are for whoever asks for little.
        let place = store.walks.acquire().await.map_err(unavailable)?;
        let rows = self.statement().stream(&store.readers).await.map_err(failed)?;
        let criteria = Arc::new(self.criteria.clone());
        let undecided = self.undecided;
        Ok(Walk { rows: Box::pin(rows), criteria, undecided, size: FIRST_PORTION, most, _place: place })
    }
}

/// A walk over the records that match, as they stood when it began.
pub(super) struct Walk<'store> {
    rows: Pin<Box<dyn Stream<Item = Result<Model, DbErr>> + Send + 'store>>,
    criteria: Arc<Criteria>,
    undecided: bool,
    /// How many records are checked next.
    size: usize,
    /// How many are still wanted.
    most: usize,
    _place: SemaphorePermit<'store>,
}

impl Walk<'_> {
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

    /// What is wanted of records that do not certainly fail, until as many match as are wanted.
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
