//! Job results.

use engine::model::action::ModuleDigest;
use engine::model::organization::OrganizationId;
use engine::model::result::{JobResult, ResultId};
use engine::model::status::Status;
use engine::ports::StoreError;
use sea_orm::entity::prelude::*;
use serde_json::{Value, json};

use crate::columns::{Place, counters, micros, signed, text_of_object};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "job_results")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub job_key: String,
    pub version: i64,
    pub title: Option<String>,
    pub status: String,
    pub message: String,
    pub started_by: String,
    pub arguments: String,
    pub since: Option<i64>,
    pub created_at: i64,
    pub started_at: Option<i64>,
    pub finished_at: Option<i64>,
    pub attempt: i64,
    pub records_in: i64,
    pub records_out: i64,
    pub records_rejected: i64,
    pub modules: String,
    pub dry_run: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn of(organization: OrganizationId, result: &JobResult) -> Result<Self, StoreError> {
        Ok(Self {
            organization_id: organization.0,
            id: result.id.0,
            job_key: result.job.clone(),
            version: result.version.into(),
            title: result.title.clone(),
            status: result.status.word().to_owned(),
            message: result.message.clone(),
            started_by: result.started_by.clone(),
            arguments: text_of_object(&result.arguments)?,
            since: result.since.map(micros),
            created_at: micros(result.created_at),
            started_at: result.started_at.map(micros),
            finished_at: result.finished_at.map(micros),
            attempt: result.attempt.into(),
            records_in: signed(result.counters.records_in),
            records_out: signed(result.counters.records_out),
            records_rejected: signed(result.counters.records_rejected),
            modules: text_of_modules(&result.modules),
            dry_run: result.dry_run,
        })
    }

    pub fn read(self) -> Result<JobResult, StoreError> {
        let place = Place::new("job_results", self.id);
        Ok(JobResult {
            id: ResultId(self.id),
            version: place.small("version", self.version)?,
            status: place.word("status", &self.status, Status::from_word)?,
            arguments: place.object("arguments", &self.arguments)?,
            since: place.maybe_instant("since", self.since)?,
            created_at: place.instant("created_at", self.created_at)?,
            started_at: place.maybe_instant("started_at", self.started_at)?,
            finished_at: place.maybe_instant("finished_at", self.finished_at)?,
            attempt: place.small("attempt", self.attempt)?,
            counters: counters(self.records_in, self.records_out, self.records_rejected),
            modules: modules(&place, &self.modules)?,
            job: self.job_key,
            title: self.title,
            message: self.message,
            started_by: self.started_by,
            dry_run: self.dry_run,
        })
    }
}

/// The columns that an end changes.
pub(crate) const ENDED: [Column; 6] = [
    Column::Status,
    Column::Message,
    Column::FinishedAt,
    Column::RecordsIn,
    Column::RecordsOut,
    Column::RecordsRejected,
];

pub(crate) fn text_of_modules(modules: &[ModuleDigest]) -> String {
    Value::Array(modules.iter().map(document_of_module).collect()).to_string()
}

pub(crate) fn document_of_module(one: &ModuleDigest) -> Value {
    json!({"module": one.module, "version": one.version, "digest": one.digest})
}

fn modules(place: &Place, text: &str) -> Result<Vec<ModuleDigest>, StoreError> {
    place.array("modules", text)?.iter().map(|item| module(place, "modules", item)).collect()
}

/// A module as a column names it.
pub(super) fn module(place: &Place, column: &str, item: &Value) -> Result<ModuleDigest, StoreError> {
    let text = |name| place.text_member(column, item, name);
    Ok(ModuleDigest { module: text("module")?, version: text("version")?, digest: text("digest")? })
}
