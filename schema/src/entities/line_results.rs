//! Line results.

use engine::model::Instant;
use engine::model::effect::Effect;
use engine::model::grant::Capability;
use engine::model::organization::OrganizationId;
use engine::model::record::{Rejected, Sample};
use engine::model::result::{LineKind, LineResult, LogEntry, LogLevel, ResultId};
use engine::model::status::Status;
use engine::ports::StoreError;
use engine::ports::actions::LineOutput;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::{Iterable, QuerySelect};
use serde_json::{Value, json};

use crate::columns::{RowName, counters, micros, of_result, signed, text_of_array};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "line_results")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub job_result_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub line_no: i64,
    pub name: Option<String>,
    pub kind: String,
    pub action: Option<String>,
    pub status: String,
    pub message: String,
    pub started_at: Option<i64>,
    pub finished_at: Option<i64>,
    pub records_in: i64,
    pub records_out: i64,
    pub records_rejected: i64,
    pub parameters: String,
    pub sample: String,
    pub sample_cut: bool,
    pub rejected: String,
    pub log: String,
    pub effects: String,
    pub attempt: i64,
    pub retry_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The columns that may be large, each with an empty value.
const DETAILS: [(Column, &str); 5] = [
    (Column::Parameters, "null"),
    (Column::Sample, "[]"),
    (Column::Rejected, "[]"),
    (Column::Log, "[]"),
    (Column::Effects, "[]"),
];

/// Selects these rows with empty details.
pub(crate) fn without_details(rows: Select<Entity>) -> Select<Entity> {
    let is_detail = |column: &Column| DETAILS.iter().any(|(detail, _)| detail.as_str() == column.as_str());
    let rows = rows.select_only().columns(Column::iter().filter(|column| !is_detail(column)));
    DETAILS.into_iter().fold(rows, |rows, (column, empty)| rows.column_as(Expr::val(empty), column))
}

impl Model {
    /// Whether its status is final; false if the status cannot be read.
    pub fn has_ended(&self) -> bool {
        Status::from_word(&self.status).is_some_and(Status::is_final)
    }

    /// Bytes of the columns that may be large.
    pub fn bytes(&self) -> usize {
        [&self.parameters, &self.sample, &self.rejected, &self.log, &self.effects].iter().map(|text| text.len()).sum()
    }

    pub fn of(organization: OrganizationId, result: ResultId, line: &LineResult) -> Result<Self, StoreError> {
        Ok(Self {
            organization_id: organization.0,
            job_result_id: result.0,
            line_no: line.line_no.into(),
            name: line.name.clone(),
            kind: line.kind.word().to_owned(),
            action: line.action.clone(),
            status: line.status.word().to_owned(),
            message: line.message.clone(),
            started_at: line.started_at.map(micros),
            finished_at: line.finished_at.map(micros),
            records_in: signed(line.counters.records_in),
            records_out: signed(line.counters.records_out),
            records_rejected: signed(line.counters.records_rejected),
            parameters: line.parameters.to_string(),
            sample: text_of_array(&line.sample.records)?,
            sample_cut: line.sample.cut,
            rejected: text_of_rejected(&line.rejected),
            log: text_of_log(&line.log),
            effects: text_of_effects(&line.effects),
            attempt: line.attempt.into(),
            retry_at: line.retry_at.map(micros),
        })
    }

    pub fn read(self) -> Result<(ResultId, LineResult), StoreError> {
        let row = RowName::new("line_results", of_result(self.job_result_id, self.line_no));
        let line = LineResult {
            line_no: row.small("line_no", self.line_no)?,
            kind: row.word("kind", &self.kind, LineKind::from_word)?,
            status: row.word("status", &self.status, Status::from_word)?,
            started_at: row.maybe_instant("started_at", self.started_at)?,
            finished_at: row.maybe_instant("finished_at", self.finished_at)?,
            counters: counters(self.records_in, self.records_out, self.records_rejected),
            parameters: row.document("parameters", &self.parameters)?.into(),
            sample: Sample { records: row.array("sample", &self.sample)?.into(), cut: self.sample_cut },
            rejected: rejected(&row, &self.rejected)?,
            log: log(&row, &self.log)?,
            effects: effects(&row, &self.effects)?,
            attempt: row.small("attempt", self.attempt)?,
            retry_at: row.maybe_instant("retry_at", self.retry_at)?,
            name: self.name,
            action: self.action,
            message: self.message,
        };
        Ok((ResultId(self.job_result_id), line))
    }
}

/// The columns that change when a line is interrupted.
pub(crate) fn interruption(line: &LineResult) -> ActiveModel {
    ActiveModel {
        status: Set(line.status.word().to_owned()),
        message: Set(line.message.clone()),
        finished_at: Set(line.finished_at.map(micros)),
        retry_at: Set(line.retry_at.map(micros)),
        ..Default::default()
    }
}

/// The columns of the output that an interrupted line writes after its end.
pub(crate) fn output(output: &LineOutput) -> ActiveModel {
    let (log, effects) = (text_of_log(&output.log), text_of_effects(&output.effects));
    ActiveModel { log: Set(log), effects: Set(effects), ..Default::default() }
}

fn text_of_rejected(rejected: &[Rejected]) -> String {
    Value::Array(rejected.iter().map(document_of_rejected).collect()).to_string()
}

pub(super) fn document_of_rejected(rejected: &Rejected) -> Value {
    json!({"record": rejected.record, "reason": rejected.reason})
}

pub(super) fn read_rejected(row: &RowName, column: &str, item: Value) -> Result<Rejected, StoreError> {
    let record = row.member(column, &item, "record")?.clone();
    Ok(Rejected { record, reason: row.text_member(column, &item, "reason")? })
}

fn rejected(row: &RowName, text: &str) -> Result<Vec<Rejected>, StoreError> {
    row.array("rejected", text)?.into_iter().map(|item| read_rejected(row, "rejected", item)).collect()
}

fn text_of_log(log: &[LogEntry]) -> String {
    let item = |entry: &LogEntry| {
        let mut item = json!({"level": entry.level.word(), "message": entry.message});
        if let Some(at) = entry.at {
            item["at"] = at.timestamp_millis().into();
        }
        item
    };
    Value::Array(log.iter().map(item).collect()).to_string()
}

fn log(row: &RowName, text: &str) -> Result<Vec<LogEntry>, StoreError> {
    let read = |item: Value| {
        let level = row.text_member("log", &item, "level")?;
        let level = row.word("log", &level, LogLevel::from_word)?;
        let at = item.get("at").and_then(Value::as_i64).and_then(Instant::from_timestamp_millis);
        Ok(LogEntry { level, message: row.text_member("log", &item, "message")?, at })
    };
    row.array("log", text)?.into_iter().map(read).collect()
}

fn text_of_effects(effects: &[Effect]) -> String {
    let item = |effect: &Effect| {
        json!({
            "capability": effect.capability.word(),
            "done": effect.done,
            "summary": effect.summary,
            "detail": effect.detail,
        })
    };
    Value::Array(effects.iter().map(item).collect()).to_string()
}

fn effects(row: &RowName, text: &str) -> Result<Vec<Effect>, StoreError> {
    let read = |item: Value| {
        let capability = row.text_member("effects", &item, "capability")?;
        Ok(Effect {
            capability: row.word("effects", &capability, Capability::from_word)?,
            done: row.member("effects", &item, "done")? == &Value::Bool(true),
            summary: row.text_member("effects", &item, "summary")?,
            detail: row.member("effects", &item, "detail")?.clone(),
        })
    };
    row.array("effects", text)?.into_iter().map(read).collect()
}
