//! An action that says something for each permit it is given, so that tests see a running line.

use std::sync::Arc;

use async_graphql::async_trait::async_trait;
use engine::model::result::{LogEntry, LogLevel};
use engine::ports::actions::{ActionLine, Failure, FailureKind, LineOutput, OpenLine, Outcome};
use serde_json::Value;
use tokio::sync::Semaphore;

/// A line that says what its parameter `say` lists, one text for each permit, rejects records
/// without `n`, and fails at its end where `fail` is `final` or `temporary` (the first time only).
pub(super) struct Talker {
    line: OpenLine,
    permits: Arc<Semaphore>,
    said: Vec<LogEntry>,
}

impl Talker {
    pub(super) fn of(line: OpenLine, permits: Arc<Semaphore>) -> Self {
        Self { line, permits, said: Vec::new() }
    }

    async fn say(&mut self, message: &str) -> Result<(), Failure> {
        tokio::select! {
            permit = self.permits.acquire() => permit.unwrap().forget(),
            () = self.line.cancellation.cancelled() => return Err(Failure::new(FailureKind::Cancelled, "killed")),
        }
        let entry = LogEntry { level: LogLevel::Info, message: message.to_owned(), at: None };
        self.said.push(entry.clone());
        self.line.listener.logged(&entry);
        Ok(())
    }
}

#[async_trait]
impl ActionLine for Talker {
    async fn take(&mut self, _: u32, batch: &[Value]) -> Result<Outcome, Failure> {
        let texts = self.line.parameters["say"].as_array().cloned().unwrap_or_default();
        for text in texts {
            self.say(text.as_str().unwrap()).await?;
        }
        match self.line.parameters["fail"].as_str() {
            Some("final") => return Err(Failure::new(FailureKind::Final, "it never works")),
            Some("temporary") if self.line.context.attempt == 1 => {
                let kind = FailureKind::Temporary { retry_after: None };
                return Err(Failure::new(kind, "not now"));
            }
            _ => {}
        }
        let odd = batch.iter().enumerate().filter(|(_, record)| record.get("n").is_none());
        let rejected = odd.map(|(index, _)| (u32::try_from(index).unwrap(), "it has no n".to_owned())).collect();
        Ok(Outcome { rejected, ..Outcome::default() })
    }

    async fn close(&mut self) -> Result<Outcome, Failure> {
        Ok(Outcome::default())
    }

    fn drain(&mut self) -> LineOutput {
        LineOutput { log: std::mem::take(&mut self.said), ..LineOutput::default() }
    }
}
