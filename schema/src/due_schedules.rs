//! The adapter of the `due_schedules` port.

mod arm;
mod fire;

use std::collections::HashSet;

use async_trait::async_trait;
use engine::model::Instant;
use engine::model::schedule::Position;
use engine::ports::StoreError;
use engine::ports::schedules::{
    Due, DueSchedules, Fire, FireAnswer, Inspected, Inspection, SavedSchedule, ScheduleRef,
};
use sea_orm::prelude::*;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{Condition, QueryOrder, QuerySelect};

use crate::batch::{by_organization, pieces};
use crate::columns::micros;
use crate::entities::leases;
use crate::entities::schedules::{Column, Entity, Model};
use crate::{Store, failed};

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
            match (row.schedule(), row.read()) {
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

    async fn inspect(&self, after: Option<ScheduleRef>, limit: u32) -> Result<Inspection, StoreError> {
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
        let mut inspection = Inspection { last: rows.last().map(Model::schedule), ..Inspection::default() };
        for row in rows {
            let due = row.due_at.and_then(Instant::from_timestamp_micros);
            match (row.schedule(), row.read()) {
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
        let schedule = SavedSchedule { position, revision: saved.revision + 1, ..saved.clone() };
        self.writer.write_one(arm::Rearm { schedule, seen: saved.revision }).await
    }

    async fn disarm(&self, schedule: ScheduleRef) -> Result<(), StoreError> {
        self.writer.write_one(arm::Disarm(schedule)).await
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
