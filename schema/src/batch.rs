//! Handles many rows with few statements.
//!
//! Rows are split into pieces whose sizes are powers of two, so that only a few different statements have to be kept
//! prepared.

use std::collections::BTreeMap;

use engine::ports::StoreError;
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait, ConnectionTrait, EntityTrait, IntoActiveModel};

use crate::failed;

/// How many rows one statement handles at most.
const ROWS: usize = 64;

/// Splits rows into pieces, in order.
pub(crate) fn pieces<Row>(mut rows: &[Row]) -> impl Iterator<Item = &[Row]> {
    std::iter::from_fn(move || {
        let size = ROWS.min(1 << rows.len().checked_ilog2()?);
        let (piece, rest) = rows.split_at(size);
        rows = rest;
        Some(piece)
    })
}

/// Splits ids into pieces for lists in which an id may be repeated: the last piece is filled up with its last id, so that
/// it needs one statement.
pub(crate) fn padded(ids: &[Uuid]) -> impl Iterator<Item = Vec<Uuid>> {
    ids.chunks(ROWS).filter_map(|piece| {
        let (mut piece, last) = (piece.to_vec(), *piece.last()?);
        piece.resize(piece.len().next_power_of_two(), last);
        Some(piece)
    })
}

/// Groups ids by their organization: a statement is always about one organization.
pub(crate) fn by_organization(pairs: impl IntoIterator<Item = (Uuid, Uuid)>) -> BTreeMap<Uuid, Vec<Uuid>> {
    let mut all: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
    for (organization, id) in pairs {
        all.entry(organization).or_default().push(id);
    }
    all
}

/// Inserts rows. `or` says what to do with a row whose key exists; without it, such a row is an error.
pub(crate) async fn insert<Entity>(
    db: &impl ConnectionTrait,
    rows: &[Entity::Model],
    or: Option<OnConflict>,
) -> Result<(), StoreError>
where
    Entity: EntityTrait,
    Entity::ActiveModel: Send,
    Entity::Model: IntoActiveModel<Entity::ActiveModel> + Clone + Sync,
{
    for piece in pieces(rows) {
        let mut insert = Entity::insert_many(piece.iter().map(|row| row.clone().into_active_model().reset_all()));
        if let Some(or) = &or {
            insert = insert.on_conflict(or.clone());
        }
        insert.exec_without_returning(db).await.map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_all_rows_in_few_sizes() {
        for count in 0..300 {
            let rows: Vec<_> = (0..count).collect();
            let sizes: Vec<_> = pieces(&rows).map(<[_]>::len).collect();
            assert!(sizes.iter().all(|size| size.is_power_of_two() && *size <= ROWS), "{sizes:?}");
            assert_eq!(pieces(&rows).flatten().copied().collect::<Vec<_>>(), rows);
        }
    }
}
