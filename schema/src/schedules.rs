//! The adapter of the `schedules` port.

mod complete;
mod fire;
mod save;

use std::collections::HashSet;

use async_trait::async_trait;
use engine::model::Instant;
use engine::model::organization::OrgScope;
use engine::model::schedule::Position;
use engine::ports::schedules::{
    Due, DueSchedules, Fire, FireAnswer, Inspected, Inspection, Place, SavedSchedule, Schedules,
};
use engine::ports::{Listed, StoreError};
use sea_orm::prelude::*;
use sea_orm::sea_query::{ExprTrait, OnConflict};
use sea_orm::{Condition, DatabaseTransaction, QueryOrder, QuerySelect};

use crate::batch::{by_organization, insert, pieces};
use crate::columns::micros;
use crate::entities::leases;
use crate::entities::schedules::{Column, Entity, Model};
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

#[async_trait]
impl DueSchedules for Store {
    async fn due(&self, now: Instant, limit: u32) -> Result<Due, StoreError> {
        let armed =
            Entity::find().filter(Column::DueAt.is_not_null()).order_by_asc(Column::DueAt).order_by_asc(Column::Id);
        let rows = armed.limit(u64::from(limit) + 1).all(&self.readers).await.map_err(failed)?;
        let mut due = Due::default();
        for (index, row) in rows.into_iter().enumerate() {
            let at = row.due_at.unwrap_or_default();
            if at > micros(now) || index >= limit as usize {
                due.next = Instant::from_timestamp_micros(at);
                break;
            }
            match (row.place(), row.read()) {
                (_, Ok(saved)) => due.schedules.push(saved),
                (schedule, Err(StoreError::Unreadable(fault))) => due.unreadable.push((schedule, fault)),
                (_, Err(error)) => return Err(error),
            }
        }
        Ok(due)
    }

    async fn fire(&self, fire: Fire) -> Result<FireAnswer, StoreError> {
        self.writer.write(fire::FireOne(fire)).await
    }

    async fn inspect(&self, after: Option<Place>, limit: u32) -> Result<Inspection, StoreError> {
        // Without `after` it begins at the smallest key, so that the index is used too.
        let (organization, id) = after.map_or((Uuid::nil(), Uuid::nil()), |(organization, id)| (organization.0, id.0));
        let later = Column::OrganizationId.eq(organization).and(Column::Id.gt(id));
        let walk = Entity::find()
            .filter(Column::OrganizationId.gte(organization))
            .filter(Condition::any().add(Column::OrganizationId.gt(organization)).add(later))
            .order_by_asc(Column::OrganizationId)
            .order_by_asc(Column::Id);
        let rows = walk.limit(u64::from(limit)).all(&self.readers).await.map_err(failed)?;
        let unfinished = self.unfinished(&rows).await?;
        let mut inspection = Inspection { last: rows.last().map(Model::place), ..Inspection::default() };
        for row in rows {
            let due = row.due_at.and_then(Instant::from_timestamp_micros);
            match (row.place(), row.read()) {
                (_, Ok(saved)) => {
                    let awaited = saved.position.awaits.map(|id| (saved.organization.0, id.0));
                    let awaits = awaited.is_some_and(|awaited| unfinished.contains(&awaited));
                    inspection.schedules.push(Inspected { saved, awaits, due });
                }
                (schedule, Err(StoreError::Unreadable(fault))) => inspection.unreadable.push((schedule, fault)),
                (_, Err(error)) => return Err(error),
            }
        }
        Ok(inspection)
    }

    async fn rearm(&self, saved: &SavedSchedule, position: Position) -> Result<bool, StoreError> {
        let rearmed = SavedSchedule { position, revision: saved.revision + 1, ..saved.clone() };
        self.writer.write_one(save::Rearm { rearmed, seen: saved.revision }).await
    }

    async fn disarm(&self, schedule: Place) -> Result<(), StoreError> {
        self.writer.write_one(save::Disarm(schedule)).await
    }
}

impl Store {
    /// The results that these schedules await and that have not ended.
    async fn unfinished(&self, rows: &[Model]) -> Result<HashSet<(Uuid, Uuid)>, StoreError> {
        let awaited = rows.iter().filter_map(|row| Some((row.organization_id, row.awaits?)));
        let mut unfinished = HashSet::new();
        for (organization, ids) in by_organization(awaited) {
            for ids in pieces(&ids) {
                let rows = leases::Entity::find()
                    .filter(leases::Column::OrganizationId.eq(organization))
                    .filter(leases::Column::JobResultId.is_in(ids.iter().copied()));
                let rows = rows.all(&self.readers).await.map_err(failed)?;
                unfinished.extend(rows.into_iter().map(|row| (organization, row.job_result_id)));
            }
        }
        Ok(unfinished)
    }
}

fn of(scope: OrgScope) -> Select<Entity> {
    Entity::find().filter(Column::OrganizationId.eq(scope.organization().0))
}

fn by_key(scope: OrgScope) -> Select<Entity> {
    of(scope).order_by_asc(Column::JobKey).order_by_asc(Column::Key)
}

/// Inserts or updates schedules.
async fn write(db: &DatabaseTransaction, schedules: &[SavedSchedule]) -> Result<(), StoreError> {
    use Column::{AnchorAt, Awaits, Document, DueAt, Fired, HandledAt, NextAt, OrganizationId, Revision};
    let rows: Vec<_> = schedules.iter().map(Model::of).collect();
    let changed = OnConflict::columns([OrganizationId, Column::Id])
        .update_columns([Document, AnchorAt, HandledAt, Fired, NextAt, DueAt, Awaits, Revision])
        .to_owned();
    insert::<Entity>(db, &rows, Some(changed)).await
}
