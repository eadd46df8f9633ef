//! The log of a job result on a server, looked at again and again: each message is told once.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::Server;
use crate::Failed;
use crate::display::{plain, say};

/// How long is waited between two looks.
const LOOK: Duration = Duration::from_millis(250);

const LOG: &str = "query ($id: ID!) { jobResult(id: $id) { id uuid job status message
    lines { lineNo name attempt startedAt log { at level message } } } }";

/// What of the log was told: of each line its newest try, and how many messages of that.
#[derive(Default)]
pub struct Told(HashMap<String, (Value, usize)>);

impl Told {
    /// The messages that were not told yet, in order.
    fn news(&mut self, result: &Value) -> Vec<Value> {
        let mut news = Vec::new();
        for line in result["lines"].as_array().into_iter().flatten() {
            // A line that is tried again, or begun again after a crash, has a new log.
            let this = json!([line["attempt"], line["startedAt"]]);
            let log = line["log"].as_array().map(Vec::as_slice).unwrap_or_default();
            let told = self.0.entry(line["lineNo"].to_string()).or_insert_with(|| (this.clone(), 0));
            if told.0 != this {
                *told = (this, 0);
            }
            news.extend(log.iter().skip(told.1).map(|entry| entry_of(line, entry)));
            told.1 = told.1.max(log.len());
        }
        news
    }
}

fn entry_of(line: &Value, entry: &Value) -> Value {
    json!({
        "lineNo": line["lineNo"],
        "lineName": line["name"],
        "at": entry["at"],
        "level": entry["level"].as_str().unwrap_or_default().to_lowercase(),
        "message": entry["message"],
    })
}

/// The result as it stands, with what was not told of its log; that is printed.
async fn look(server: &Server, id: &str, told: &mut Told, as_json: bool) -> Result<Value, Failed> {
    let result = server.ask(LOG, json!({"id": id})).await?["jobResult"].take();
    if result.is_null() {
        return Err(absent(id));
    }
    for entry in told.news(&result) {
        say(&if as_json { entry.to_string() } else { line_of(&entry) })?;
    }
    Ok(result)
}

/// Prints what there is of the log.
pub async fn print(server: &Server, id: &str, as_json: bool) -> Result<(), Failed> {
    look(server, id, &mut Told::default(), as_json).await.map(drop)
}

/// Prints the log as it comes, until the result has ended; gives the result.
pub async fn follow(server: &Server, id: &str, as_json: bool) -> Result<Value, Failed> {
    let mut told = Told::default();
    loop {
        let result = look(server, id, &mut told, as_json).await?;
        match result["status"].as_str() {
            Some("PENDING" | "RUNNING") => tokio::time::sleep(LOOK).await,
            Some("KILLED") => {
                // What the line that was cut still had to tell comes a moment after the kill.
                tokio::time::sleep(LOOK).await;
                return look(server, id, &mut told, as_json).await;
            }
            _ => return Ok(result),
        }
    }
}

/// The refusal of an id that names nothing.
pub fn absent(id: &str) -> Failed {
    Failed::Refused(format!(
        "{}: there is no such job result in this organization; `ropewalk results` lists them",
        plain(id)
    ))
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

    fn seen(lines: &Value) -> Value {
        json!({"lines": lines})
    }

    fn line(attempt: u32, began: &str, messages: &[&str]) -> Value {
        let log: Vec<_> = messages.iter().map(|message| json!({"level": "INFO", "message": message})).collect();
        json!({"lineNo": 10, "name": null, "attempt": attempt, "startedAt": began, "log": log})
    }

    fn told(told: &mut Told, lines: &Value) -> Vec<String> {
        told.news(&seen(lines)).iter().map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn each_message_is_told_once_and_a_new_try_begins_again() {
        let mut log = Told::default();
        assert_eq!(told(&mut log, &json!([line(1, "a", &["one"])])), ["one"]);
        assert_eq!(told(&mut log, &json!([line(1, "a", &["one", "two"])])), ["two"]);
        assert!(told(&mut log, &json!([line(1, "a", &["one"])])).is_empty(), "what was seen is not forgotten");
        assert_eq!(told(&mut log, &json!([line(2, "b", &["one"])])), ["one"]);
        assert_eq!(told(&mut log, &json!([line(2, "c", &["one"])])), ["one"], "begun again after a crash");
    }
}
