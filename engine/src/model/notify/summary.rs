//! The record that tells of a result, and the variables of the templates beside it.

use serde_json::{Map, Value, json};

use super::occasion::{Occasion, took};
use crate::model::dates::stamp;
use crate::model::result::LineResult;
use crate::model::variables::{Setting, frame};

/// How many lines a record tells of.
const LINES: usize = 100;

/// What it says of the result.
pub const FIELDS_OF_RESULT: [&str; 12] = [
    "id",
    "status",
    "message",
    "title",
    "startedBy",
    "dryRun",
    "attempt",
    "createdAt",
    "startedAt",
    "finishedAt",
    "durationMs",
    "counters",
];

/// The one record that an action is handed which tells of a result. Instants are in UTC.
pub fn summary(occasion: Occasion, setting: &Setting<'_>, lines: &[LineResult]) -> Value {
    let result = setting.result;
    let told = lines.iter().take(LINES).map(|line| {
        json!({"lineNo": line.line_no, "name": line.name, "status": line.status.word(), "message": line.message})
    });
    json!({
        "occasion": occasion.word(),
        "organization": {"key": setting.organization.0, "name": setting.organization.1},
        "job": {"key": result.job, "name": setting.job_name, "version": result.version},
        "result": of_result(setting),
        "lines": told.collect::<Vec<_>>(),
        "linesLeftOut": lines.len().saturating_sub(LINES),
    })
}

fn of_result(setting: &Setting<'_>) -> Value {
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

/// The variables of the rule's templates: those that stay the same in all lines of the
/// result and do not depend on how it was started, and `records` with the one record.
pub fn variables(setting: &Setting<'_>, summary: &Value) -> Map<String, Value> {
    let mut variables = frame(setting);
    for of_lines in ["args", "since", "firstRun", "scheduledAt", "lines"] {
        variables.remove(of_lines);
    }
    variables.insert("result".to_owned(), summary["result"].clone());
    variables.insert("records".to_owned(), json!([summary]));
    variables
}
