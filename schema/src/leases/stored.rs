//! Reads and writes the table of leases.

use engine::ports::StoreError;
use sea_orm::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, Iterable, QueryTrait};

use super::{Key, Leases, key};
use crate::batch::{by_organization, insert, pieces};
use crate::entities::leases::{Column, Entity, Model};
use crate::entities::queues;
use crate::failed;

/// What a transaction has changed.
pub(crate) struct Changes {
    written: Vec<Model>,
    removed: Vec<Key>,
}

impl Leases {
    /// All leases and queues, as they are stored.
    pub async fn read(db: &impl ConnectionTrait) -> Result<Self, DbErr> {
        let mut leases = Self { known: true, ..Self::default() };
        for row in readable::<Entity>(db).await? {
            leases.set(key(&row), Some(row));
        }
        // A limit that cannot be read does not limit.
        let limit = |row: &queues::Model| row.limit().ok().flatten();
        let queues = readable::<queues::Entity>(db).await?.into_iter();
        leases.queues = queues.map(|row| ((row.holder, row.key.clone()), limit(&row))).collect();
        Ok(leases)
    }

    /// What is to be written to the table.
    pub fn changes(&self) -> Changes {
        let (mut written, mut removed) = (Vec::new(), Vec::new());
        for (key, before) in &self.before {
            match (before, self.rows.get(key)) {
                (before, Some(row)) if before.as_ref() != Some(row) => written.push(row.clone()),
                // Also one that could not be read.
                (_, None) => removed.push(*key),
                _ => {}
            }
        }
        written.sort_unstable_by_key(key);
        Changes { written, removed }
    }
}

/// The rows of a table that can be read. A damaged one must not stop all writes.
async fn readable<E: EntityTrait>(db: &impl ConnectionTrait) -> Result<Vec<E::Model>, DbErr> {
    let rows = db.query_all(E::find().as_query()).await?;
    let read = |row| match E::Model::from_query_result(row, "") {
        Ok(row) => Some(row),
        Err(error) => {
            tracing::error!(table = E::default().as_str(), %error, "a row cannot be read and is left out");
            None
        }
    };
    Ok(rows.iter().filter_map(read).collect())
}

impl Changes {
    pub async fn write(&self, db: &impl ConnectionTrait) -> Result<(), StoreError> {
        let keys = [Column::OrganizationId, Column::JobResultId];
        let replaced = OnConflict::columns(keys).update_columns(Column::iter().skip(keys.len())).to_owned();
        insert::<Entity>(db, &self.written, Some(replaced)).await?;
        for (organization, ids) in by_organization(self.removed.iter().copied()) {
            for ids in pieces(&ids) {
                let rows = Entity::delete_many().filter(Column::OrganizationId.eq(organization));
                rows.filter(Column::JobResultId.is_in(ids.iter().copied())).exec(db).await.map_err(failed)?;
            }
        }
        Ok(())
    }
}
