//! Counts how many bytes each organization stores. SQLite knows the length of a text without reading it.

use std::collections::HashMap;

use engine::model::organization::OrganizationId;
use engine::model::quota::StorageUse;
use engine::ports::StoreError;
use sea_orm::prelude::*;
use sea_orm::sea_query::{ExprTrait, Func};
use sea_orm::{DatabaseConnection, QueryOrder, QuerySelect};

use crate::entities::{batches, collection_records, job_inputs, job_results, line_results, organizations, parts};
use crate::failed;

/// About how many bytes a row takes besides its texts.
const ROW_BYTES: i64 = 300;

pub(super) async fn count(db: &DatabaseConnection) -> Result<HashMap<OrganizationId, StorageUse>, StoreError> {
    let all = organizations::Entity::find().order_by_asc(organizations::Column::Key);
    let ids: Vec<Uuid> =
        all.select_only().column(organizations::Column::Id).into_tuple().all(db).await.map_err(failed)?;
    let mut stored = HashMap::new();
    for id in ids {
        stored.insert(OrganizationId(id), of_one(db, id).await?);
    }
    Ok(stored)
}

async fn of_one(db: &DatabaseConnection, organization: Uuid) -> Result<StorageUse, StoreError> {
    use line_results::Column::{Effects, Log, Parameters, Rejected, Sample};
    let of = Bytes { db, organization };
    let results = of.sum::<job_results::Entity>(job_results::Column::OrganizationId, &[job_results::Column::Arguments]);
    let inputs = of.sum::<job_inputs::Entity>(job_inputs::Column::OrganizationId, &[job_inputs::Column::Records]);
    let texts = [Parameters, Sample, Rejected, Log, Effects];
    let lines = of.sum::<line_results::Entity>(line_results::Column::OrganizationId, &texts);
    let parts = of.sum::<parts::Entity>(parts::Column::OrganizationId, &[parts::Column::Records]);
    let batches = of.sum::<batches::Entity>(batches::Column::OrganizationId, &[batches::Column::Outcome]);
    let history_bytes = results.await? + inputs.await? + lines.await? + parts.await? + batches.await?;
    let records = &[collection_records::Column::Data];
    let collection_bytes =
        of.sum::<collection_records::Entity>(collection_records::Column::OrganizationId, records).await?;
    Ok(StorageUse { history_bytes, collection_bytes })
}

struct Bytes<'a> {
    db: &'a DatabaseConnection,
    organization: Uuid,
}

impl Bytes<'_> {
    /// Bytes of these columns of a table.
    async fn sum<E: EntityTrait>(&self, organization: E::Column, columns: &[E::Column]) -> Result<u64, StoreError> {
        let length = |column: &E::Column| Expr::expr(Func::cust("octet_length").arg(Expr::col(*column)));
        let bytes = columns.iter().map(length).reduce(|sum, length| sum.add(length)).unwrap_or_else(|| Expr::val(0));
        let bytes = bytes.add(ROW_BYTES);
        let own = E::find().filter(organization.eq(self.organization));
        let summed = own.select_only().expr_as(Func::sum(bytes), "bytes").into_tuple::<Option<i64>>();
        let sum = summed.one(self.db).await.map_err(failed)?.flatten().unwrap_or_default();
        Ok(u64::try_from(sum).unwrap_or_default())
    }
}
