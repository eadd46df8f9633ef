//! Copies what a retry needs from the result that it retries.

use engine::model::organization::OrganizationId;
use engine::model::result::ResultId;
use engine::ports::StoreError;
use engine::ports::parts::PartKind;
use engine::ports::results::RetryStart;
use sea_orm::prelude::*;
use sea_orm::sea_query::{ExprTrait, IntoIden, Query};
use sea_orm::{ConnectionTrait, Iterable};

use crate::entities::{batches, line_results, parts};
use crate::parts::insert_parts;
use crate::transaction::Transaction;
use crate::{failed, unavailable};

/// A copy to the new result, whose row exists.
pub(super) struct RetryCopy {
    pub organization: OrganizationId,
    pub by: ResultId,
    pub retry: RetryStart,
}

impl RetryCopy {
    pub async fn write(&self, db: &Transaction) -> Result<(), StoreError> {
        let line_no = i64::from(self.retry.line_no);
        self.copy::<line_results::Entity>(db, line_results::Column::LineNo.lt(line_no)).await?;
        let Some(parts) = &self.retry.parts else {
            let temporary = parts::Column::Kind.is_in(parts::temporary());
            self.copy::<parts::Entity>(db, parts::Column::LineNo.eq(line_no).and(temporary)).await?;
            let joining = parts::Column::Kind.eq(PartKind::Joining.word());
            self.copy::<parts::Entity>(db, parts::Column::LineNo.gt(line_no).and(joining)).await?;
            if self.retry.restarts_effects(self.by) {
                return Ok(());
            }
            return self.copy::<batches::Entity>(db, batches::Column::LineNo.eq(line_no)).await;
        };
        let rows = parts.iter().map(|part| parts::Model::of(self.organization, self.by, part));
        insert_parts(db, &rows.collect::<Result<Vec<_>, _>>()?).await
    }

    /// Copies the rows of the old result for which a condition holds.
    async fn copy<E: EntityTrait>(&self, db: &Transaction, condition: Expr) -> Result<(), StoreError> {
        let of_result = "job_result_id";
        let copied = E::Column::iter().map(|column| match column.into_iden() {
            column if column.to_string() == of_result => Expr::val(self.by.0),
            column => Expr::col(column),
        });
        let old = Query::select()
            .exprs(copied)
            .from(E::default())
            .and_where(Expr::col("organization_id").eq(self.organization.0))
            .and_where(Expr::col(of_result).eq(self.retry.of.0))
            .and_where(condition)
            .take();
        let mut copy = Query::insert();
        copy.into_table(E::default()).columns(E::Column::iter());
        copy.select_from(old).map_err(unavailable)?;
        db.execute(&copy).await.map_err(failed)?;
        Ok(())
    }
}
