//! Walking a collection in the order of its keys, one statement from its first record to
//! the last that is wanted: what is seen is how the collection stood when it began.
//!
//! Records are read and checked in portions away from the threads that answer calls, since
//! criteria may hold costly patterns.

use std::pin::pin;
use std::sync::Arc;

use engine::model::collection::Entry;
use engine::model::criteria::Criteria;
use engine::model::organization::OrgScope;
use engine::ports::StoreError;
use futures_util::TryStreamExt;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Select};

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

    /// The first `most` records that match.
    pub async fn first(&self, store: &Store, most: usize) -> Result<Vec<Entry>, StoreError> {
        let mut found = Vec::new();
        self.each(store, |entry| {
            if found.len() < most {
                found.push(entry);
            }
            found.len() < most
        })
        .await?;
        Ok(found)
    }

    /// Hands over every record that matches, until it is told that this is enough.
    pub async fn each(&self, store: &Store, mut more: impl FnMut(Entry) -> bool) -> Result<(), StoreError> {
        // A walk keeps its connection for long; the others are for whoever asks for little.
        let _walk = store.walks.acquire().await.map_err(unavailable)?;
        let criteria = Arc::new(self.criteria.clone());
        let mut rows = pin!(self.statement().stream(&store.readers).await.map_err(failed)?);
        let mut size = FIRST_PORTION;
        loop {
            let (mut portion, mut bytes) = (Vec::with_capacity(size), 0);
            while portion.len() < size && bytes < PORTION_BYTES {
                let Some(row) = rows.try_next().await.map_err(failed)? else { break };
                bytes += row.data.len();
                portion.push(row);
            }
            if portion.is_empty() {
                return Ok(());
            }
            let criteria = Arc::clone(&criteria);
            let checked = tokio::task::spawn_blocking(move || check(portion, &criteria));
            for entry in checked.await.map_err(unavailable)?? {
                if !more(entry) {
                    return Ok(());
                }
            }
            size = PORTION.min(size * 2);
        }
    }
}

fn check(rows: Vec<Model>, criteria: &Criteria) -> Result<Vec<Entry>, StoreError> {
    let mut matching = Vec::new();
    for row in rows {
        let entry = row.read()?;
        if criteria.matches(&entry.data) {
            matching.push(entry);
        }
    }
    Ok(matching)
}
