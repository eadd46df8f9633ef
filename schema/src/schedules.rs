//! The adapter of the `schedules` port.

mod complete;
mod save;

use async_trait::async_trait;
use engine::model::organization::OrgScope;
use engine::ports::schedules::{SavedSchedule, Schedules};
use engine::ports::{Listed, StoreError};
use sea_orm::QueryOrder;
use sea_orm::prelude::*;
use sea_orm::sea_query::{ExprTrait, OnConflict};

use crate::batch::{insert, pieces};
use crate::entities::schedules::{Column, Entity, Model};
use crate::transaction::Transaction;
use crate::{Store, failed, page};

pub(crate) use complete::complete;
pub(crate) use save::save;

#[async_trait]
impl Schedules for Store {
    async fn find_schedule(&self, scope: OrgScope, job: &str, key: &str) -> Result<Option<SavedSchedule>, StoreError> {
        let found = of(scope).filter(Column::JobKey.eq(job)).filter(Column::Key.eq(key));
        found.one(&self.readers).await.map_err(failed)?.map(Model::read).transpose()
    }

    async fn schedules_of(&self, scope: OrgScope, jobs: &[String]) -> Result<Vec<SavedSchedule>, StoreError> {
        let mut found = Vec::new();
        for jobs in pieces(jobs) {
            let of_jobs = by_key(scope).filter(Column::JobKey.is_in(jobs));
            for row in of_jobs.all(&self.readers).await.map_err(failed)? {
                found.push(row.read()?);
            }
        }
        found.sort_by(|one, other| (&one.job, &one.schedule.key).cmp(&(&other.job, &other.schedule.key)));
        Ok(found)
    }

    async fn list_schedules(
        &self,
        scope: OrgScope,
        after: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Listed<SavedSchedule>, StoreError> {
        let mut listed = by_key(scope);
        if let Some((job, key)) = after {
            let later = Column::JobKey.eq(job).and(Column::Key.gt(key)).or(Column::JobKey.gt(job));
            // The first condition follows from the second, but lets the index find where the page begins.
            listed = listed.filter(Column::JobKey.gte(job)).filter(later);
        }
        page(listed, (&self.readers, limit), |_| 0, Model::read).await
    }

    async fn count_schedules(&self, scope: OrgScope) -> Result<u64, StoreError> {
        of(scope).count(&self.readers).await.map_err(failed)
    }
}

fn of(scope: OrgScope) -> Select<Entity> {
    Entity::find().filter(Column::OrganizationId.eq(scope.organization().0))
}

fn by_key(scope: OrgScope) -> Select<Entity> {
    of(scope).order_by_asc(Column::JobKey).order_by_asc(Column::Key)
}

/// Inserts or updates schedules.
pub(crate) async fn write(db: &Transaction, schedules: &[SavedSchedule]) -> Result<(), StoreError> {
    use Column::{AnchorAt, Awaits, Document, DueAt, Fired, HandledAt, NextAt, OrganizationId, Revision};
    let rows: Vec<_> = schedules.iter().map(Model::of).collect();
    let changed = OnConflict::columns([OrganizationId, Column::Id])
        .update_columns([Document, AnchorAt, HandledAt, Fired, NextAt, DueAt, Awaits, Revision])
        .to_owned();
    insert::<Entity>(db, &rows, Some(changed)).await
}
