//! The adapter of the `collections` port.

mod pushdown;
mod scan;
mod write;

use std::collections::HashMap;

use async_trait::async_trait;
use engine::model::collection::{Change, Entries, Entry, Written};
use engine::model::criteria::Criteria;
use engine::model::organization::OrgScope;
use engine::ports::collections::{Collections, Find, Once, Wanted};
use engine::ports::{Listed, StoreError};
use sea_orm::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};
use serde_json::Value;
use tokio::sync::mpsc::Sender;

use crate::batch::pieces;
use crate::entities::collection_records::Column;
use crate::entities::collections;
use crate::{Store, failed, page, unavailable};
use scan::RecordQuery;

#[async_trait]
impl Collections for Store {
    async fn write(
        &self,
        scope: OrgScope,
        collection: &str,
        changes: &[Change],
        once: Option<&Once>,
    ) -> Result<Written, StoreError> {
        let (collection, changes, once) = (collection.to_owned(), changes.to_vec(), once.cloned());
        self.writer.write_one(write::WriteRecords { scope, collection, changes, once }).await
    }

    async fn get(&self, scope: OrgScope, collection: &str, keys: &[String]) -> Result<Vec<Option<Value>>, StoreError> {
        let mut sorted: Vec<_> = keys.iter().map(String::as_str).collect();
        sorted.sort_unstable();
        sorted.dedup();
        let mut found = HashMap::new();
        for piece in pieces(&sorted) {
            let rows = scan::of(scope, collection).filter(Column::Key.is_in(piece.iter().copied()));
            for row in rows.all(&self.readers).await.map_err(failed)? {
                let Entry { key, data } = row.read()?;
                found.insert(key, data);
            }
        }
        Ok(keys.iter().map(|key| found.get(key).cloned()).collect())
    }

    async fn find(&self, scope: OrgScope, collection: &str, find: &Find) -> Result<Entries, StoreError> {
        let Find { criteria, after, limit } = find;
        let query = RecordQuery { scope, collection, criteria, undecided: false, after: after.as_deref() };
        let page = query.page(self, *limit as usize).await?;
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
        let query = RecordQuery { scope, collection, criteria: &wanted.criteria, undecided: true, after: None };
        let mut scan = query.begin(self, wanted.limit.unwrap_or(usize::MAX)).await?;
        let mut exists = false;
        while let Some(portion) = scan.next().await? {
            exists = true;
            if to.send(portion).await.is_err() {
                break;
            }
        }
        drop(scan);
        Ok(exists || self.has(scope, collection).await?)
    }

    async fn count(&self, scope: OrgScope, collection: &str, criteria: &Criteria) -> Result<Option<u64>, StoreError> {
        let mut count = 0;
        if matches!(criteria, Criteria::All(all) if all.is_empty()) {
            count = self.count_all(scope, collection).await?;
        } else {
            let query = RecordQuery { scope, collection, criteria, undecided: false, after: None };
            let mut scan = query.begin(self, usize::MAX).await?;
            while let Some(portion) = scan.next().await? {
                count += portion.len() as u64;
            }
        }
        let exists = count > 0 || self.has(scope, collection).await?;
        Ok(exists.then_some(count))
    }

    async fn delete(
        &self,
        scope: OrgScope,
        collection: &str,
        keys: &[String],
        criteria: &Criteria,
    ) -> Result<u32, StoreError> {
        let (collection, keys, criteria) = (collection.to_owned(), keys.to_vec(), criteria.clone());
        self.writer.write_one(write::DeleteRecords { scope, collection, keys, criteria }).await
    }

    async fn list(&self, scope: OrgScope, after: Option<&str>, limit: u32) -> Result<Listed<String>, StoreError> {
        let mut by_name = names(scope).order_by_asc(collections::Column::Name);
        if let Some(after) = after {
            by_name = by_name.filter(collections::Column::Name.gt(after));
        }
        page(by_name, (&self.readers, limit), |_| 0, |row| Ok(row.name)).await
    }

    async fn tally(&self, scope: OrgScope) -> Result<u64, StoreError> {
        let counted = names(scope).select_only().column_as(collections::Column::Name.count(), "collections");
        let count = counted.into_tuple::<i64>().one(&self.readers).await.map_err(failed)?.unwrap_or(0);
        u64::try_from(count).map_err(unavailable)
    }

    async fn remove(&self, scope: OrgScope, collection: &str) -> Result<bool, StoreError> {
        let collection = collection.to_owned();
        self.writer.write_one(write::RemoveCollection { scope, collection }).await
    }
}

fn names(scope: OrgScope) -> Select<collections::Entity> {
    collections::Entity::find().filter(collections::Column::OrganizationId.eq(scope.organization().0))
}

impl Store {
    async fn has(&self, scope: OrgScope, collection: &str) -> Result<bool, StoreError> {
        let id = (scope.organization().0, collection.to_owned());
        let row = collections::Entity::find_by_id(id).one(&self.readers).await.map_err(failed)?;
        Ok(row.is_some())
    }

    /// Counts all records without reading their data.
    async fn count_all(&self, scope: OrgScope, collection: &str) -> Result<u64, StoreError> {
        let counted = scan::of(scope, collection).select_only().column_as(Column::Key.count(), "records");
        let count = counted.into_tuple::<i64>().one(&self.readers).await.map_err(failed)?.unwrap_or(0);
        u64::try_from(count).map_err(unavailable)
    }
}
