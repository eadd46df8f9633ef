//! Which results of jobs have not ended.

use std::collections::HashMap;

use engine::ports::StoreError;
use sea_orm::prelude::*;
use sea_orm::sea_query::{Query, SelectStatement, SubQueryStatement, UnionType};
use sea_orm::{ConnectionTrait, Order};

use crate::batch::pieces;
use crate::entities::leases::{Column, Entity, Stands, is_ahead};
use crate::failed;

/// The oldest results of a job that have not ended.
pub(crate) struct Unfinished {
    /// Of those that others wait for.
    pub ahead: Option<Uuid>,
    /// Of those that wait for others.
    pub behind: Option<Uuid>,
}

impl Unfinished {
    pub fn oldest(&self) -> Option<Uuid> {
        self.ahead.into_iter().chain(self.behind).min()
    }
}

/// The oldest unfinished results of each of these jobs. However many there are of one job, two
/// of them are looked at.
pub(crate) async fn unfinished<Db: ConnectionTrait>(
    db: &Db,
    organization: Uuid,
    jobs: &[String],
) -> Result<HashMap<String, Unfinished>, StoreError> {
    let mut found = HashMap::new();
    for jobs in pieces(jobs) {
        let mut each = jobs.iter().map(|job| of_job(organization, job));
        let Some(mut all) = each.next() else { continue };
        all.unions(each.map(|one| (UnionType::All, one)));
        for row in db.query_all(&all).await.map_err(failed)? {
            let first = |column| row.try_get("", column).map_err(failed);
            let unfinished = Unfinished { ahead: first("ahead")?, behind: first("behind")? };
            found.insert(row.try_get("", "job").map_err(failed)?, unfinished);
        }
    }
    Ok(found)
}

fn of_job(organization: Uuid, job: &str) -> SelectStatement {
    let first = |among: Expr| {
        let first = Query::select()
            .column(Column::JobResultId)
            .from(Entity)
            .and_where(Column::OrganizationId.eq(organization))
            .and_where(Column::JobKey.eq(job))
            .and_where(among)
            .order_by(Column::JobResultId, Order::Asc)
            .limit(1)
            .take();
        Expr::SubQuery(None, Box::new(SubQueryStatement::SelectStatement(first)))
    };
    Query::select()
        .expr_as(Expr::val(job), "job")
        .expr_as(first(is_ahead()), "ahead")
        .expr_as(first(Stands::Behind.holds()), "behind")
        .take()
}
