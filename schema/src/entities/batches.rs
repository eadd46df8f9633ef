//! The outcomes of finished batches of lines with effects.

use engine::model::organization::OrganizationId;
use engine::model::result::ResultId;
use engine::ports::StoreError;
use engine::ports::actions::Severity;
use engine::ports::parts::BatchDone;
use sea_orm::entity::prelude::*;
use serde_json::{Value, json};

use super::line_results::{document_of_rejected, read_rejected};
use crate::columns::{RowName, of_result};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "batches")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub job_result_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub line_no: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub batch: i64,
    pub outcome: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn of(organization: OrganizationId, result: ResultId, batch: &BatchDone) -> Self {
        let rejected: Vec<_> = batch.rejected.iter().map(document_of_rejected).collect();
        let outcome = json!({
            "taken": batch.taken,
            "records": batch.records,
            "rejected": rejected,
            "message": batch.message,
            "severity": word(batch.severity),
        });
        Self {
            organization_id: organization.0,
            job_result_id: result.0,
            line_no: batch.line_no.into(),
            batch: batch.batch.into(),
            outcome: outcome.to_string(),
        }
    }

    pub fn read(self) -> Result<BatchDone, StoreError> {
        let row = RowName::new("batches", of_result(self.job_result_id, self.line_no));
        let mut outcome = row.object("outcome", &self.outcome)?;
        let mut list = |name| match outcome.remove(name) {
            Some(Value::Array(items)) => Ok(items),
            _ => Err(row.unreadable("outcome", format!("`{name}` is not a list"))),
        };
        let rejected = list("rejected")?;
        let records = match outcome.remove("records") {
            Some(Value::Array(records)) => Some(records),
            Some(Value::Null) => None,
            _ => return Err(row.unreadable("outcome", "`records` is neither a list nor null".to_owned())),
        };
        let outcome = Value::Object(outcome);
        let taken = row.member("outcome", &outcome, "taken")?.as_i64().unwrap_or(-1);
        Ok(BatchDone {
            line_no: row.small("line_no", self.line_no)?,
            batch: row.small("batch", self.batch)?,
            taken: row.small("outcome", taken)?,
            records,
            rejected: rejected
                .into_iter()
                .map(|item| read_rejected(&row, "outcome", item))
                .collect::<Result<_, _>>()?,
            message: row.member("outcome", &outcome, "message")?.as_str().map(str::to_owned),
            severity: row.word("outcome", &row.text_member("outcome", &outcome, "severity")?, severity)?,
        })
    }
}

const SEVERITIES: [Severity; 3] = [Severity::Info, Severity::Success, Severity::Warning];

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Success => "success",
        Severity::Warning => "warning",
    }
}

fn severity(text: &str) -> Option<Severity> {
    SEVERITIES.into_iter().find(|severity| word(*severity) == text)
}
