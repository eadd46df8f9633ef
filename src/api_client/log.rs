//! The log of a job result on a server. It is polled, and each message is printed once.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::Server;
use crate::Failed;
use crate::display::plain;
use crate::failure::Report;
use crate::stdio::print;

/// How long to wait between two polls.
const POLL: Duration = Duration::from_millis(250);

const LOG: &str = "query ($id: ID!) { jobResult(id: $id) { id uuid job status message failedLine
    lines { lineNo name status message attempt startedAt log { at level message } } } }";

/// What has been printed: of each line its newest attempt, and how many messages of that.
#[derive(Default)]
struct Printed(HashMap<String, (Value, usize)>);

impl Printed {
    /// The messages that have not been printed yet, in order. They count as printed from now on.
    fn take_new(&mut self, result: &Value) -> Vec<Value> {
        let mut new = Vec::new();
        for line in result["lines"].as_array().into_iter().flatten() {
            // A line that is retried, or starts again after a crash, has a new log.
            let attempt = json!([line["attempt"], line["startedAt"]]);
            let log = line["log"].as_array().map(Vec::as_slice).unwrap_or_default();
            let printed = self.0.entry(line["lineNo"].to_string()).or_insert_with(|| (attempt.clone(), 0));
            if printed.0 != attempt {
                *printed = (attempt, 0);
            }
            new.extend(log.iter().skip(printed.1).map(|entry| entry_of(line, entry)));
            printed.1 = printed.1.max(log.len());
        }
        new
    }
}

fn entry_of(line: &Value, entry: &Value) -> Value {
    json!({
        "lineNo": line["lineNo"],
        "lineName": line["name"],
        "at": entry["at"].as_str().map(in_milliseconds),
        "level": entry["level"].as_str().unwrap_or_default().to_lowercase(),
        "message": entry["message"],
    })
}

/// Logs are kept in milliseconds, while instants of the API have microseconds, which are zeros here.
fn in_milliseconds(at: &str) -> String {
    at.strip_suffix("000Z").map_or_else(|| at.to_owned(), |at| format!("{at}Z"))
}

/// Reads the result and prints what is new in its log.
async fn poll(server: &Server, id: &str, printed: &mut Printed, as_json: bool) -> Result<Value, Failed> {
    let result = server.ask(LOG, json!({"id": id})).await?["jobResult"].take();
    if result.is_null() {
        return Err(absent(id));
    }
    for entry in printed.take_new(&result) {
        print(&if as_json { entry.to_string() } else { line_of(&entry) })?;
    }
    Ok(result)
}

/// Prints the log as far as it goes now, and returns the result.
pub async fn show(server: &Server, id: &str, as_json: bool) -> Result<Value, Failed> {
    poll(server, id, &mut Printed::default(), as_json).await
}

/// Prints the log as it grows, until the result has ended, and returns the result.
pub async fn follow(server: &Server, id: &str, as_json: bool) -> Result<Value, Failed> {
    let mut printed = Printed::default();
    loop {
        let result = poll(server, id, &mut printed, as_json).await?;
        match result["status"].as_str() {
            Some("PENDING" | "RUNNING") => tokio::time::sleep(POLL).await,
            Some("KILLED") => {
                // The last messages of the interrupted line arrive a moment after the kill.
                tokio::time::sleep(POLL).await;
                return poll(server, id, &mut printed, as_json).await;
            }
            _ => return Ok(result),
        }
    }
}

/// The refusal of an id that no job result has.
pub fn absent(id: &str) -> Failed {
    let id = plain(id);
    let message = format!("{id}: there is no such job result in this organization; `ropewalk results` lists them");
    Report::of_server(Some("NOT_FOUND"), message).into()
}

fn line_of(entry: &Value) -> String {
    let text = |name: &str| plain(entry[name].as_str().unwrap_or_default());
    let name = match text("lineName") {
        name if name.is_empty() => name,
        name => format!(" ({name})"),
    };
    let at = match text("at") {
        at if at.is_empty() => at,
        at => format!("{at}  "),
    };
    format!("{at}line {}{name}  {}: {}", entry["lineNo"], text("level"), text("message"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(attempt: u32, began: &str, messages: &[&str]) -> Value {
        let log: Vec<_> = messages.iter().map(|message| json!({"level": "INFO", "message": message})).collect();
        json!({"lineNo": 10, "name": null, "attempt": attempt, "startedAt": began, "log": log})
    }

    fn new(printed: &mut Printed, lines: &Value) -> Vec<String> {
        let new = printed.take_new(&json!({"lines": lines}));
        new.iter().map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn each_message_is_printed_once_and_a_new_attempt_starts_again() {
        let mut printed = Printed::default();
        assert_eq!(new(&mut printed, &json!([line(1, "a", &["one"])])), ["one"]);
        assert_eq!(new(&mut printed, &json!([line(1, "a", &["one", "two"])])), ["two"]);
        assert!(new(&mut printed, &json!([line(1, "a", &["one"])])).is_empty(), "what was printed is remembered");
        assert_eq!(new(&mut printed, &json!([line(2, "b", &["one"])])), ["one"]);
        assert_eq!(new(&mut printed, &json!([line(2, "c", &["one"])])), ["one"], "it started again after a crash");
    }

    #[test]
    fn times_are_printed_in_milliseconds() {
        assert_eq!(in_milliseconds("2026-11-20T07:00:00.120000Z"), "2026-11-20T07:00:00.120Z");
        assert_eq!(in_milliseconds("2026-11-20T07:00:00.120Z"), "2026-11-20T07:00:00.120Z");
    }
}
