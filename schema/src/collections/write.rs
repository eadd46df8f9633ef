//! Changing collections: what is there is read, what the changes come to is worked out by
//! the engine, and what is left is written, each in few statements.

use std::collections::HashMap;

use engine::model::collection::{Change, Written, work_out};
use engine::model::criteria::Criteria;
use engine::model::organization::OrgScope;
use engine::ports::StoreError;
use engine::ports::collections::Once;
use sea_orm::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{DatabaseTransaction, IntoActiveModel};
use serde_json::Value;

use super::look;
use crate::batch::{insert, pieces};
use crate::entities::{collection_calls, collection_records, collections};
use crate::writer::Single;
use crate::{failed, unavailable};

/// Some changes of one collection.
pub(super) struct Write {
    pub scope: OrgScope,
    pub collection: String,
    pub changes: Vec<Change>,
    pub once: Option<Once>,
}

impl Single for Write {
    type Answer = Written;
    const DURABLE: bool = true;

    async fn apply(&self, db: &DatabaseTransaction) -> Result<Written, StoreError> {
        if let Some(written) = self.made_before(db).await? {
            return Ok(written);
        }
        self.make_collection(db).await?;
        let there = self.there(db).await?;
        let (written, left) = work_out(&self.changes, |key| there.get(key));
        let (mut kept, mut gone) = (Vec::new(), Vec::new());
        for (key, data) in left {
            match data {
                Some(data) => {
                    kept.push(collection_records::Model::of(self.scope.organization(), &self.collection, key, data));
                }
                None => gone.push(key),
            }
        }
        put(db, &kept).await?;
        remove(db, self.scope, &self.collection, &gone).await?;
        self.remember(db, &written).await?;
        Ok(written)
    }
}

impl Write {
    async fn made_before(&self, db: &DatabaseTransaction) -> Result<Option<Written>, StoreError> {
        let Some(once) = &self.once else { return Ok(None) };
        let place = (self.scope.organization().0, once.result.0, once.call.clone());
        let row = collection_calls::Entity::find_by_id(place).one(db).await.map_err(failed)?;
        row.map(collection_calls::Model::read).transpose()
    }

    async fn remember(&self, db: &DatabaseTransaction, written: &Written) -> Result<(), StoreError> {
        let Some(once) = &self.once else { return Ok(()) };
        let row = collection_calls::Model::of(self.scope.organization(), once, written).into_active_model().reset_all();
        collection_calls::Entity::insert(row).exec_without_returning(db).await.map_err(failed)?;
        Ok(())
    }

    async fn make_collection(&self, db: &DatabaseTransaction) -> Result<(), StoreError> {
        use collections::Column::{Name, OrganizationId};
        let row = collections::Model::of(self.scope.organization(), &self.collection).into_active_model().reset_all();
        let kept = OnConflict::columns([OrganizationId, Name]).do_nothing().to_owned();
        collections::Entity::insert(row).on_conflict(kept).exec_without_returning(db).await.map_err(failed)?;
        Ok(())
    }

    /// The records that the changes are about, as they are. One that cannot be read is taken
    /// for null, which no record is equal to: so it can be replaced or removed.
    async fn there(&self, db: &DatabaseTransaction) -> Result<HashMap<String, Value>, StoreError> {
        let mut keys: Vec<_> = self.changes.iter().map(Change::key).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut there = HashMap::new();
        for row in rows(db, self.scope, &self.collection, &keys).await? {
            let key = row.key.clone();
            there.insert(key, row.read().map_or(Value::Null, |entry| entry.data));
        }
        Ok(there)
    }
}

/// Removes those of some records that meet criteria.
pub(super) struct Delete {
    pub scope: OrgScope,
    pub collection: String,
    pub keys: Vec<String>,
    pub criteria: Criteria,
}

impl Single for Delete {
    type Answer = u32;
    const DURABLE: bool = true;

    async fn apply(&self, db: &DatabaseTransaction) -> Result<u32, StoreError> {
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

/// Removes a collection. Its records go with it, by their foreign key.
pub(super) struct Remove {
    pub scope: OrgScope,
    pub collection: String,
}

impl Single for Remove {
    type Answer = bool;
    const DURABLE: bool = true;

    async fn apply(&self, db: &DatabaseTransaction) -> Result<bool, StoreError> {
        let place = (self.scope.organization().0, self.collection.clone());
        let removed = collections::Entity::delete_by_id(place).exec(db).await.map_err(failed)?;
        Ok(removed.rows_affected > 0)
    }
}

/// The records with these keys, as they are in the transaction.
async fn rows(
    db: &DatabaseTransaction,
    scope: OrgScope,
    collection: &str,
    keys: &[&str],
) -> Result<Vec<collection_records::Model>, StoreError> {
    let mut found = Vec::new();
    for piece in pieces(keys) {
        let rows = look::of(scope, collection).filter(collection_records::Column::Key.is_in(piece.iter().copied()));
        found.extend(rows.all(db).await.map_err(failed)?);
    }
    Ok(found)
}

/// Adds records, or replaces those with the same keys.
async fn put(db: &DatabaseTransaction, records: &[collection_records::Model]) -> Result<(), StoreError> {
    use collection_records::Column::{Collection, Data, Key, OrganizationId};
    let replaced = OnConflict::columns([OrganizationId, Collection, Key]).update_column(Data).to_owned();
    insert::<collection_records::Entity>(db, records, Some(replaced)).await
}

async fn remove(db: &DatabaseTransaction, scope: OrgScope, collection: &str, keys: &[&str]) -> Result<(), StoreError> {
    use collection_records::Column::{Collection, Key, OrganizationId};
    for piece in pieces(keys) {
        let rows = collection_records::Entity::delete_many().filter(OrganizationId.eq(scope.organization().0));
        let rows = rows.filter(Collection.eq(collection)).filter(Key.is_in(piece.iter().copied()));
        rows.exec(db).await.map_err(failed)?;
    }
    Ok(())
}
