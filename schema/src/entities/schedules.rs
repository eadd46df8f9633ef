//! Schedules and their positions.

use engine::model::organization::OrganizationId;
use engine::model::result::ResultId;
use engine::model::schedule::{Position, Schedule, ScheduleId};
use engine::ports::StoreError;
use engine::ports::schedules::{SavedSchedule, ScheduleRef};
use sea_orm::entity::prelude::*;

use crate::columns::{RowName, micros, signed};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "schedules")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub job_key: String,
    pub key: String,
    pub document: String,
    pub anchor_at: i64,
    pub handled_at: i64,
    pub fired: i64,
    pub next_at: Option<i64>,
    pub due_at: Option<i64>,
    pub awaits: Option<Uuid>,
    pub revision: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn of(saved: &SavedSchedule) -> Self {
        let SavedSchedule { organization, id, job, schedule, position, revision } = saved;
        Self {
            organization_id: organization.0,
            id: id.0,
            job_key: job.clone(),
            key: schedule.key.clone(),
            document: schedule.document().to_string(),
            anchor_at: micros(position.anchor),
            handled_at: micros(position.handled),
            fired: signed(position.fired),
            next_at: position.next.map(micros),
            due_at: saved.due().map(micros),
            awaits: position.awaits.map(|id| id.0),
            revision: signed(*revision),
        }
    }

    pub fn schedule(&self) -> ScheduleRef {
        (OrganizationId(self.organization_id), ScheduleId(self.id))
    }

    pub fn read(self) -> Result<SavedSchedule, StoreError> {
        let row = RowName::new("schedules", self.id);
        let document = row.document("document", &self.document)?;
        let schedule = Schedule::from_document(&document).map_err(|faults| {
            let messages: Vec<_> = faults.iter().map(ToString::to_string).collect();
            row.unreadable("document", messages.join("; "))
        })?;
        let position = Position {
            anchor: row.instant("anchor_at", self.anchor_at)?,
            handled: row.instant("handled_at", self.handled_at)?,
            fired: self.fired.cast_unsigned(),
            next: row.maybe_instant("next_at", self.next_at)?,
            awaits: self.awaits.map(ResultId),
        };
        Ok(SavedSchedule {
            organization: OrganizationId(self.organization_id),
            id: ScheduleId(self.id),
            job: self.job_key,
            schedule,
            position,
            revision: self.revision.cast_unsigned(),
        })
    }
}
