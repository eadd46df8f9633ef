//! Finds the results of jobs that have not ended.

use std::collections::HashMap;

use engine::model::lifecycle::admission::Unfinished;
use engine::model::lifecycle::lease_state::LeaseState;
use engine::model::result::ResultId;
use engine::ports::StoreError;
use sea_orm::prelude::*;
use sea_orm::sea_query::{Query, SelectStatement, SubQueryStatement, UnionType};
use sea_orm::{ConnectionTrait, Order};

use crate::batch::pieces;
use crate::entities::leases::{Column, Entity, is_ahead, is_in};
use crate::failed;

/// The oldest unfinished results of each of these jobs. Only two results of a job are read, no matter how many there
/// are.
pub(crate) async fn unfinished<Db: ConnectionTrait>(
    db: &Db,
    organization: Uuid,
    jobs: &[String],
) -> Result<HashMap<String, Unfinished>, StoreError> {
    let mut found = HashMap::new();
    for jobs in pieces(jobs) {
        let mut each = jobs.iter().map(|job| of_job(organization, job));
        let Some(mut all) = each.next() else { continue };
        all.unions(each.map(|select| (UnionType::All, select)));
        for row in db.query_all(&all).await.map_err(failed)? {
            let first = |column| row.try_get::<Option<Uuid>>("", column).map(|id| id.map(ResultId)).map_err(failed);
            let unfinished = Unfinished { ahead: first("ahead")?, behind: first("behind")? };
            found.insert(row.try_get("", "job").map_err(failed)?, unfinished);
        }
    }
    Ok(found)
}

fn of_job(organization: Uuid, job: &str) -> SelectStatement {
    let first = |condition: Expr| {
        let first = Query::select()
            .column(Column::JobResultId)
            .from(Entity)
            .and_where(Column::OrganizationId.eq(organization))
            .and_where(Column::JobKey.eq(job))
            .and_where(condition)
            .order_by(Column::JobResultId, Order::Asc)
            .limit(1)
            .take();
        Expr::SubQuery(None, Box::new(SubQueryStatement::SelectStatement(first)))
    };
    Query::select()
        .expr_as(Expr::val(job), "job")
        .expr_as(first(is_ahead()), "ahead")
        .expr_as(first(is_in(LeaseState::Behind)), "behind")
        .take()
}
