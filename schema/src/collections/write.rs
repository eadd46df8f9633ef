//! Changes collections: the affected records are read, the engine computes the outcome, and the result is written, each
//! with few statements.

use std::collections::HashMap;

use engine::model::collection::{Change, Written, work_out};
use engine::model::criteria::Criteria;
use engine::model::organization::OrgScope;
use engine::ports::StoreError;
use engine::ports::collections::Once;
use sea_orm::IntoActiveModel;
use sea_orm::prelude::*;
use sea_orm::sea_query::OnConflict;
use serde_json::Value;

use super::scan;
use crate::batch::{insert, pieces};
use crate::entities::{collection_calls, collection_records, collections};
use crate::transaction::Transaction;
use crate::writer::SingleCommand;
use crate::{failed, unavailable};

/// Writes changes of one collection.
pub(super) struct WriteRecords {
    pub scope: OrgScope,
    pub collection: String,
    pub changes: Vec<Change>,
    pub once: Option<Once>,
}

impl SingleCommand for WriteRecords {
    type Answer = Written;
    const DURABLE: bool = true;

    async fn apply(&self, db: &Transaction) -> Result<Written, StoreError> {
        if let Some(written) = self.first_outcome(db).await? {
            return Ok(written);
        }
        self.create_collection(db).await?;
        let current = self.current(db).await?;
        let (written, left) = work_out(&self.changes, |key| current.get(key));
        let (mut kept, mut removed) = (Vec::new(), Vec::new());
        for (key, data) in left {
            match data {
                Some(data) => {
                    kept.push(collection_records::Model::of(self.scope.organization(), &self.collection, key, data));
                }
                None => removed.push(key),
            }
        }
        put(db, &kept).await?;
        remove(db, self.scope, &self.collection, &removed).await?;
        self.remember(db, &written).await?;
        Ok(written)
    }
}

impl WriteRecords {
    /// The outcome of the same call, if it was made before.
    async fn first_outcome(&self, db: &Transaction) -> Result<Option<Written>, StoreError> {
        let Some(once) = &self.once else { return Ok(None) };
        let id = (self.scope.organization().0, once.result.0, once.call.clone());
        let row = collection_calls::Entity::find_by_id(id).one(db).await.map_err(failed)?;
        row.map(collection_calls::Model::read).transpose()
    }

    async fn remember(&self, db: &Transaction, written: &Written) -> Result<(), StoreError> {
        let Some(once) = &self.once else { return Ok(()) };
        let row = collection_calls::Model::of(self.scope.organization(), once, written).into_active_model().reset_all();
        collection_calls::Entity::insert(row).exec_without_returning(db).await.map_err(failed)?;
        Ok(())
    }

    async fn create_collection(&self, db: &Transaction) -> Result<(), StoreError> {
        use collections::Column::{Name, OrganizationId};
        let row = collections::Model::of(self.scope.organization(), &self.collection).into_active_model().reset_all();
        let kept = OnConflict::columns([OrganizationId, Name]).do_nothing().to_owned();
        collections::Entity::insert(row).on_conflict(kept).exec_without_returning(db).await.map_err(failed)?;
        Ok(())
    }

    /// The present records with the keys of the changes. One that cannot be read counts as null, which equals no
    /// record, so that it can be replaced or removed.
    async fn current(&self, db: &Transaction) -> Result<HashMap<String, Value>, StoreError> {
        let mut keys: Vec<_> = self.changes.iter().map(Change::key).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut current = HashMap::new();
        for row in rows(db, self.scope, &self.collection, &keys).await? {
            let key = row.key.clone();
            current.insert(key, row.read().map_or(Value::Null, |entry| entry.data));
        }
        Ok(current)
    }
}

/// Removes the records with these keys that meet the criteria.
pub(super) struct DeleteRecords {
    pub scope: OrgScope,
    pub collection: String,
    pub keys: Vec<String>,
    pub criteria: Criteria,
}

impl SingleCommand for DeleteRecords {
    type Answer = u32;
    const DURABLE: bool = true;

    async fn apply(&self, db: &Transaction) -> Result<u32, StoreError> {
        let mut keys: Vec<_> = self.keys.iter().map(String::as_str).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut matching = Vec::new();
        for row in rows(db, self.scope, &self.collection, &keys).await? {
            let entry = row.read()?;
            if self.criteria.matches(&entry.data) {
                matching.push(entry.key);
            }
        }
        let matching: Vec<_> = matching.iter().map(String::as_str).collect();
        remove(db, self.scope, &self.collection, &matching).await?;
        u32::try_from(matching.len()).map_err(unavailable)
    }
}

/// Removes a collection. Its foreign key removes its records too.
pub(super) struct RemoveCollection {
    pub scope: OrgScope,
    pub collection: String,
}

impl SingleCommand for RemoveCollection {
    type Answer = bool;
    const DURABLE: bool = true;

    async fn apply(&self, db: &Transaction) -> Result<bool, StoreError> {
        let id = (self.scope.organization().0, self.collection.clone());
        let removed = collections::Entity::delete_by_id(id).exec(db).await.map_err(failed)?;
        Ok(removed.rows_affected > 0)
    }
}

/// The records with these keys, as the transaction sees them.
async fn rows(
    db: &Transaction,
    scope: OrgScope,
    collection: &str,
    keys: &[&str],
) -> Result<Vec<collection_records::Model>, StoreError> {
    let mut found = Vec::new();
    for piece in pieces(keys) {
        let rows = scan::of(scope, collection).filter(collection_records::Column::Key.is_in(piece.iter().copied()));
        found.extend(rows.all(db).await.map_err(failed)?);
    }
    Ok(found)
}

/// Adds records, or replaces those with the same keys.
async fn put(db: &Transaction, records: &[collection_records::Model]) -> Result<(), StoreError> {
    use collection_records::Column::{Collection, Data, Key, OrganizationId};
    let replaced = OnConflict::columns([OrganizationId, Collection, Key]).update_column(Data).to_owned();
    insert::<collection_records::Entity>(db, records, Some(replaced)).await
}

async fn remove(db: &Transaction, scope: OrgScope, collection: &str, keys: &[&str]) -> Result<(), StoreError> {
    use collection_records::Column::{Collection, Key, OrganizationId};
    for piece in pieces(keys) {
        let rows = collection_records::Entity::delete_many().filter(OrganizationId.eq(scope.organization().0));
        let rows = rows.filter(Collection.eq(collection)).filter(Key.is_in(piece.iter().copied()));
        rows.exec(db).await.map_err(failed)?;
    }
    Ok(())
}
