//! The record that describes a result in a notification, and the variables of the rule's templates.

use serde_json::{Map, Value, json};

use super::occasion::{Occasion, took};
use crate::model::dates::stamp;
use crate::model::result::LineResult;
use crate::model::variables::{Setting, frame};

/// Lines that a record describes.
const LINES: usize = 100;

/// The record that describes a result. Instants are in UTC.
pub fn summary(occasion: Occasion, setting: &Setting<'_>, lines: &[LineResult]) -> Value {
    let result = setting.result;
    let described = lines.iter().take(LINES).map(|line| {
        json!({"lineNo": line.line_no, "name": line.name, "status": line.status.word(), "message": line.message})
    });
    json!({
        "occasion": occasion.word(),
        "organization": {"key": setting.organization.0, "name": setting.organization.1},
        "job": {"key": result.job, "name": setting.job_name, "version": result.version},
        "result": result_fields(setting),
        "lines": described.collect::<Vec<_>>(),
        "linesLeftOut": lines.len().saturating_sub(LINES),
    })
}

fn result_fields(setting: &Setting<'_>) -> Value {
    let result = setting.result;
    let counters = result.counters;
    json!({
        "id": result.id.0.to_string(),
        "status": result.status.word(),
        "message": result.message,
        "title": result.title,
        "startedBy": result.started_by,
        "dryRun": result.dry_run,
        "attempt": result.attempt,
        "createdAt": stamp(&result.created_at),
        "startedAt": result.started_at.as_ref().map(stamp),
        "finishedAt": result.finished_at.as_ref().map(stamp),
        "durationMs": took(result).map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
        "counters": {
            "in": counters.records_in,
            "out": counters.records_out,
            "rejected": counters.records_rejected,
        },
    })
}

/// The variables of the rule's templates: those that are the same in all lines of the result and do
/// not depend on how it was started, and `records` with the one record.
pub fn variables(setting: &Setting<'_>, summary: &Value) -> Map<String, Value> {
    let mut variables = frame(setting);
    for name in ["args", "since", "firstRun", "scheduledAt", "lines"] {
        variables.remove(name);
    }
    variables.insert("result".to_owned(), summary["result"].clone());
    variables.insert("records".to_owned(), json!([summary]));
    variables
}
