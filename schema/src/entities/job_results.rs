//! Job results.

use engine::model::Instant;
use engine::model::action::ModuleDigest;
use engine::model::filter_template::TemplateVersion;
use engine::model::organization::OrganizationId;
use engine::model::result::{JobResult, ResultId, Scheduled};
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
    pub queue: String,
    pub priority: i64,
    pub retry_of: Option<Uuid>,
    /// None for the result itself.
    pub root: Option<Uuid>,
    pub notice_of: Option<Uuid>,
    /// None for the instant of the start.
    pub now: Option<i64>,
    pub templates: String,
    pub failed_line: Option<i64>,
    pub schedule: Option<String>,
    pub scheduled_at: Option<i64>,
    pub started_from: Option<Uuid>,
    pub depth: i64,
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
            queue: result.queue.clone(),
            priority: result.priority.into(),
            retry_of: result.retry_of.map(|of| of.0),
            root: Some(result.root.0).filter(|root| *root != result.id.0),
            notice_of: result.notice_of.map(|of| of.0),
            now: Some(micros(result.now)).filter(|_| result.now != result.created_at),
            templates: text_of_templates(&result.templates),
            failed_line: result.failed_line.map(i64::from),
            schedule: result.scheduled.as_ref().map(|scheduled| scheduled.schedule.clone()),
            scheduled_at: result.scheduled.as_ref().map(|scheduled| micros(scheduled.at)),
            started_from: result.started_from.map(|from| from.0),
            depth: result.depth.into(),
        })
    }

    fn place(&self) -> Place {
        Place::new("job_results", self.id)
    }

    /// The clock reading of its templates.
    pub fn now(&self) -> Result<Instant, StoreError> {
        self.place().instant("now", self.now.unwrap_or(self.created_at))
    }

    pub fn status(&self) -> Result<Status, StoreError> {
        self.place().word("status", &self.status, Status::from_word)
    }

    pub fn read(self) -> Result<JobResult, StoreError> {
        let place = self.place();
        Ok(JobResult {
            id: ResultId(self.id),
            version: place.small("version", self.version)?,
            status: self.status()?,
            arguments: place.object("arguments", &self.arguments)?,
            since: place.maybe_instant("since", self.since)?,
            created_at: place.instant("created_at", self.created_at)?,
            started_at: place.maybe_instant("started_at", self.started_at)?,
            finished_at: place.maybe_instant("finished_at", self.finished_at)?,
            attempt: place.small("attempt", self.attempt)?,
            counters: counters(self.records_in, self.records_out, self.records_rejected),
            modules: modules(&place, &self.modules)?,
            templates: templates(&place, &self.templates)?,
            priority: i32::try_from(self.priority).map_err(|error| place.unreadable("priority", error))?,
            retry_of: self.retry_of.map(ResultId),
            root: ResultId(self.root.unwrap_or(self.id)),
            notice_of: self.notice_of.map(ResultId),
            scheduled: self
                .schedule
                .clone()
                .zip(place.maybe_instant("scheduled_at", self.scheduled_at)?)
                .map(|(schedule, at)| Scheduled { schedule, at }),
            started_from: self.started_from.map(ResultId),
            depth: place.small("depth", self.depth)?,
            now: self.now()?,
            failed_line: self.failed_line.map(|line| place.small("failed_line", line)).transpose()?,
            queue: self.queue,
            job: self.job_key,
            title: self.title,
            message: self.message,
            started_by: self.started_by,
            dry_run: self.dry_run,
        })
    }
}

/// The columns that an end changes.
pub(crate) const ENDED: [Column; 8] = [
    Column::Status,
    Column::Message,
    Column::FinishedAt,
    Column::RecordsIn,
    Column::RecordsOut,
    Column::RecordsRejected,
    Column::Modules,
    Column::FailedLine,
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

fn text_of_templates(templates: &[TemplateVersion]) -> String {
    let items = templates.iter().map(|one| json!({"key": one.key, "version": one.version}));
    Value::Array(items.collect()).to_string()
}

fn templates(place: &Place, text: &str) -> Result<Vec<TemplateVersion>, StoreError> {
    let read = |item: &Value| {
        let version = place.member("templates", item, "version")?.as_i64().unwrap_or(-1);
        Ok(TemplateVersion {
            key: place.text_member("templates", item, "key")?,
            version: place.small("templates", version)?,
        })
    };
    place.array("templates", text)?.iter().map(read).collect()
}
