//! Job results.

use engine::model::Instant;
use engine::model::action::ModuleDigest;
use engine::model::organization::OrganizationId;
use engine::model::result::{JobResult, ResultId, Scheduled};
use engine::model::status::Status;
use engine::model::template_version::TemplateVersion;
use engine::ports::StoreError;
use sea_orm::entity::prelude::*;
use serde_json::{Value, json};

use crate::columns::{RowName, counters, micros, signed, text_of_object};

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
    /// None if the result is its own root.
    pub root: Option<Uuid>,
    #[sea_orm(column_name = "notice_of")]
    pub notification_of: Option<Uuid>,
    /// None if it is `created_at`.
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
            notification_of: result.notification_of.map(|of| of.0),
            now: Some(micros(result.now)).filter(|_| result.now != result.created_at),
            templates: text_of_templates(&result.templates),
            failed_line: result.failed_line.map(i64::from),
            schedule: result.scheduled.as_ref().map(|scheduled| scheduled.schedule.clone()),
            scheduled_at: result.scheduled.as_ref().map(|scheduled| micros(scheduled.at)),
            started_from: result.started_from.map(|from| from.0),
            depth: result.depth.into(),
        })
    }

    fn row_name(&self) -> RowName {
        RowName::new("job_results", self.id)
    }

    /// The clock reading for templates and dates.
    pub fn now(&self) -> Result<Instant, StoreError> {
        self.row_name().instant("now", self.now.unwrap_or(self.created_at))
    }

    pub fn status(&self) -> Result<Status, StoreError> {
        self.row_name().word("status", &self.status, Status::from_word)
    }

    pub fn read(self) -> Result<JobResult, StoreError> {
        let row = self.row_name();
        Ok(JobResult {
            id: ResultId(self.id),
            version: row.small("version", self.version)?,
            status: self.status()?,
            arguments: row.object("arguments", &self.arguments)?,
            since: row.maybe_instant("since", self.since)?,
            created_at: row.instant("created_at", self.created_at)?,
            started_at: row.maybe_instant("started_at", self.started_at)?,
            finished_at: row.maybe_instant("finished_at", self.finished_at)?,
            attempt: row.small("attempt", self.attempt)?,
            counters: counters(self.records_in, self.records_out, self.records_rejected),
            modules: modules(&row, &self.modules)?,
            templates: templates(&row, &self.templates)?,
            priority: i32::try_from(self.priority).map_err(|error| row.unreadable("priority", error))?,
            retry_of: self.retry_of.map(ResultId),
            root: ResultId(self.root.unwrap_or(self.id)),
            notification_of: self.notification_of.map(ResultId),
            scheduled: self
                .schedule
                .clone()
                .zip(row.maybe_instant("scheduled_at", self.scheduled_at)?)
                .map(|(schedule, at)| Scheduled { schedule, at }),
            started_from: self.started_from.map(ResultId),
            depth: row.small("depth", self.depth)?,
            now: self.now()?,
            failed_line: self.failed_line.map(|line| row.small("failed_line", line)).transpose()?,
            queue: self.queue,
            job: self.job_key,
            title: self.title,
            message: self.message,
            started_by: self.started_by,
            dry_run: self.dry_run,
        })
    }
}

/// The columns that the end of a result changes.
pub(crate) const END_COLUMNS: [Column; 8] = [
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

pub(crate) fn document_of_module(module: &ModuleDigest) -> Value {
    json!({"module": module.module, "version": module.version, "digest": module.digest})
}

fn modules(row: &RowName, text: &str) -> Result<Vec<ModuleDigest>, StoreError> {
    row.array("modules", text)?.iter().map(|item| module(row, "modules", item)).collect()
}

/// Reads a module in a column.
pub(super) fn module(row: &RowName, column: &str, item: &Value) -> Result<ModuleDigest, StoreError> {
    let text = |name| row.text_member(column, item, name);
    Ok(ModuleDigest { module: text("module")?, version: text("version")?, digest: text("digest")? })
}

fn text_of_templates(templates: &[TemplateVersion]) -> String {
    let items = templates.iter().map(|template| json!({"key": template.key, "version": template.version}));
    Value::Array(items.collect()).to_string()
}

fn templates(row: &RowName, text: &str) -> Result<Vec<TemplateVersion>, StoreError> {
    let read = |item: &Value| {
        let version = row.member("templates", item, "version")?.as_i64().unwrap_or(-1);
        Ok(TemplateVersion {
            key: row.text_member("templates", item, "key")?,
            version: row.small("templates", version)?,
        })
    };
    row.array("templates", text)?.iter().map(read).collect()
}
