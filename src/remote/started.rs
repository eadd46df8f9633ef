//! What is said of a job result that was started or tried again, and of its end.

use serde_json::Value;

use super::{Server, log};
use crate::Failed;
use crate::display::{plain, say};

/// What is asked of a result that was started.
pub const FIELDS: &str = "id uuid job version status message retryOf waitsFor { reason message }";

/// Says that it was started; with `follow`, prints its log until it ends, and how it ended.
pub async fn tell(server: &Server, result: &Value, follow: bool, as_json: bool) -> Result<(), Failed> {
    if !follow {
        return say(&if as_json { result.to_string() } else { told(result) });
    }
    if !as_json {
        say(&told(result))?;
    }
    let ended = log::follow(server, result["id"].as_str().unwrap_or_default(), as_json).await?;
    match as_json {
        true => say(&without_lines(ended.clone()).to_string())?,
        false => say(&end_of(&ended))?,
    }
    match ended["status"].as_str() {
        Some("ERROR" | "KILLED") => Err(Failed::Job),
        _ => Ok(()),
    }
}

/// The lines were told as they came.
fn without_lines(mut result: Value) -> Value {
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

fn told(result: &Value) -> String {
    let text = |name: &str| plain(result[name].as_str().unwrap_or_default());
    let what = format!("{} of {}", text("uuid"), text("job"));
    match (text("status").as_str(), result["waitsFor"]["message"].as_str()) {
        ("PENDING" | "RUNNING", Some(why)) => format!("Job result {what}: waits. {}", plain(why)),
        ("PENDING" | "RUNNING", None) => format!("Job result {what}: started."),
        _ => format!("Job result {what}: {}", end_of(result)),
    }
}
