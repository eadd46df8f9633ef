//! How a job result is reported that was started or retried, and how it ended.

use serde_json::Value;

use super::{Server, log};
use crate::Failed;
use crate::display::plain;
use crate::stdio::print;

/// The fields of a started result that are asked for.
pub const FIELDS: &str = "id uuid job version status message retryOf waitsFor { reason message }";

/// Reports that it was started; with `follow`, prints its log until it ends, and how it ended.
pub async fn report(server: &Server, result: &Value, follow: bool, as_json: bool) -> Result<(), Failed> {
    if !follow {
        return print(&if as_json { result.to_string() } else { started(result) });
    }
    if !as_json {
        print(&started(result))?;
    }
    let ended = log::follow(server, result["id"].as_str().unwrap_or_default(), as_json).await?;
    match as_json {
        true => print(&without_lines(ended.clone()).to_string())?,
        false => print(&end_of(&ended))?,
    }
    if has_failed(&ended) { Err(Failed::Job) } else { Ok(()) }
}

/// Whether it ended in error or was killed.
pub fn has_failed(result: &Value) -> bool {
    matches!(result["status"].as_str(), Some("ERROR" | "KILLED"))
}

/// The log of the lines was printed as it grew.
pub fn without_lines(mut result: Value) -> Value {
    if let Some(members) = result.as_object_mut() {
        members.remove("lines");
    }
    result
}

/// How it ended, in one line.
pub fn end_of(result: &Value) -> String {
    let text = |name: &str| plain(result[name].as_str().unwrap_or_default());
    format!("{}: {}", text("status").to_lowercase(), text("message"))
}

/// The line in which it failed, if it failed in one.
pub fn failed_line_of(result: &Value) -> Option<String> {
    let lines = result["lines"].as_array().into_iter().flatten();
    let failed = lines.into_iter().find(|line| !line["lineNo"].is_null() && line["lineNo"] == result["failedLine"])?;
    let text = |name: &str| plain(failed[name].as_str().unwrap_or_default());
    let name = failed["name"].as_str().map_or_else(String::new, |name| format!(" ({})", plain(name)));
    Some(format!("failed line: {}{name}: {}", failed["lineNo"], text("message")))
}

fn started(result: &Value) -> String {
    let text = |name: &str| plain(result[name].as_str().unwrap_or_default());
    let what = format!("Job result {} of {}", text("uuid"), text("job"));
    if !["PENDING", "RUNNING"].contains(&text("status").as_str()) {
        return format!("{what}: {}", end_of(result));
    }
    // A worker takes a result up within milliseconds unless something else is in its way.
    match result["waitsFor"]["reason"].as_str() {
        None | Some("WORKER") => format!("{what}: accepted."),
        Some(_) => format!("{what}: queued. {}", plain(result["waitsFor"]["message"].as_str().unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_really_waits_is_queued() {
        let of = |waits_for| started(&json!({"uuid": "u", "job": "j", "status": "PENDING", "waitsFor": waits_for}));
        assert_eq!(of(Value::Null), "Job result u of j: accepted.");
        assert_eq!(
            of(json!({"reason": "WORKER", "message": "It waits for a worker."})),
            "Job result u of j: accepted."
        );
        let full = json!({"reason": "QUEUE_FULL", "message": "The queue is full."});
        assert_eq!(of(full), "Job result u of j: queued. The queue is full.");
    }
}
