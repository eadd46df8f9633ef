//! Actions as plain functions: the twin of the WASM host, for tests of the engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::model::action::{ActionSpec, Catalogue, Intake};
use crate::model::result::LogEntry;
use crate::ports::actions::{ActionLine, Actions, Failure, FailureKind, OpenLine, Outcome, Severity};

/// What a function action is handed: its parameters and a batch.
pub type Function = fn(&Value, &[Value]) -> Result<Outcome, Failure>;

/// Actions of a module called `test`.
pub struct FunctionActions {
    catalogue: Arc<Catalogue>,
    functions: BTreeMap<String, Function>,
}

impl FunctionActions {
    /// These actions, by name.
    pub fn of(functions: impl IntoIterator<Item = (&'static str, Intake, Function)>) -> Self {
        let functions: Vec<_> = functions.into_iter().collect();
        let specs = functions.iter().map(|(name, intake, _)| ActionSpec {
            module: "test".to_owned(),
            name: (*name).to_owned(),
            title: String::new(),
            summary: String::new(),
            parameters: json!({"type": "object", "properties": {"count": {"type": "integer"}, "raw": {"raw": true}}}),
            intake: *intake,
        });
        let catalogue = Catalogue::new(specs, Vec::new()).unwrap_or_default();
        let functions = functions.iter().map(|(name, _, function)| (format!("test/{name}"), *function)).collect();
        Self { catalogue: Arc::new(catalogue), functions }
    }
}

#[async_trait]
impl Actions for FunctionActions {
    fn catalogue(&self) -> Arc<Catalogue> {
        Arc::clone(&self.catalogue)
    }

    async fn open(&self, line: OpenLine) -> Result<Box<dyn ActionLine>, Failure> {
        let function = self.functions.get(&line.action).copied();
        let function = function.ok_or_else(|| Failure::new(FailureKind::Final, "not installed"))?;
        Ok(Box::new(FunctionLine { function, parameters: line.parameters }))
    }
}

struct FunctionLine {
    function: Function,
    parameters: Value,
}

#[async_trait]
impl ActionLine for FunctionLine {
    async fn take(&mut self, batch: &[Value]) -> Result<Outcome, Failure> {
        // A parameter `hang` stands for an action that never comes back by itself.
        if self.parameters["hang"] == true {
            std::future::pending::<()>().await;
        }
        (self.function)(&self.parameters, batch)
    }

    async fn close(&mut self) -> Result<Outcome, Failure> {
        // A parameter `warnAtClose` stands for an action that warns without a word.
        let severity = if self.parameters["warnAtClose"] == true { Severity::Warning } else { Severity::Success };
        Ok(Outcome { severity, ..Outcome::default() })
    }

    fn drain_log(&mut self) -> Vec<LogEntry> {
        Vec::new()
    }
}
