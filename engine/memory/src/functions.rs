//! Actions as plain functions instead of WASM, for tests of the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use semver::Version;
use serde_json::{Value, json};

use engine::model::action::{ActionSpec, Intake};
use engine::model::collection::{Change, Entry};
use engine::model::module::ModuleInfo;
use engine::model::status::Status;
use engine::ports::actions::{ActionLine, Actions, Failure, FailureKind, LineOutput, OpenLine, Outcome, Severity};
use engine::ports::host_calls::{Call, HostCallError, HostCalls, JobStart};

/// An action as a function of its parameters and a batch.
pub type Function = fn(&Value, &[Value]) -> Result<Outcome, Failure>;

/// Actions of a module called `test`.
pub struct FunctionActions {
    module: ModuleInfo,
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
            parameters: json!({"type": "object", "properties": {
                "count": {"type": "integer"}, "raw": {"raw": true}, "by": {"items": {"field": "order"}},
            }}),
            intake: *intake,
        });
        let module = ModuleInfo {
            key: "test".to_owned(),
            version: Version::new(1, 0, 0),
            digest: "test".to_owned(),
            size: 0,
            description: None,
            authors: None,
            licence: None,
            capabilities: BTreeSet::new(),
            actions: specs.collect(),
        };
        let functions = functions.iter().map(|(name, _, function)| ((*name).to_owned(), *function)).collect();
        Self { module, functions }
    }
}

#[async_trait]
impl Actions for FunctionActions {
    fn bundled(&self) -> Vec<ModuleInfo> {
        vec![self.module.clone()]
    }

    async fn load(&self, _: Arc<[u8]>) -> Result<ModuleInfo, Vec<String>> {
        Err(vec!["functions are no components".to_owned()])
    }

    async fn recall(&self, digest: &str) -> bool {
        digest == self.module.digest
    }

    fn unload(&self, _: &str) {}

    async fn open(&self, line: OpenLine) -> Result<Box<dyn ActionLine>, Failure> {
        let function = self.functions.get(&line.action).copied();
        let function = function.ok_or_else(|| Failure::new(FailureKind::Final, "not installed"))?;
        Ok(Box::new(FunctionLine { function, parameters: line.parameters, host_calls: line.host_calls }))
    }
}

struct FunctionLine {
    function: Function,
    parameters: Arc<Value>,
    host_calls: Arc<dyn HostCalls>,
}

impl FunctionLine {
    async fn start_and_wait(&self, job: &str, batch: u32, records: &[Value]) -> Result<Outcome, Failure> {
        let failure = |error: HostCallError| Failure::new(FailureKind::Final, error.to_string());
        for (number, record) in (0..).zip(records) {
            let start = JobStart { job: job.to_owned(), records: Some(vec![record.clone()]), ..JobStart::default() };
            self.host_calls.start(start, Call { batch: Some(batch), number }, true).await.map_err(failure)?;
        }
        let Some(ended) = self.host_calls.outcomes(Some(batch), true).await.map_err(failure)? else {
            return Err(Failure::new(FailureKind::Final, "It waits."));
        };
        if self.parameters["strict"] == true
            && let Some(failed) = ended.iter().find(|one| one.status == Status::Error)
        {
            return Err(Failure::new(FailureKind::Final, failed.message.clone()));
        }
        let rejected = (0..).zip(&ended).filter(|(_, one)| one.status == Status::Error);
        let rejected = rejected.map(|(index, one)| (index, one.message.clone())).collect();
        let records = ended.into_iter().flat_map(|one| one.records.unwrap_or_default()).collect();
        Ok(Outcome { records: Some(records), rejected, ..Outcome::default() })
    }
}

#[async_trait]
impl ActionLine for FunctionLine {
    async fn take(&mut self, number: u32, batch: &[Value]) -> Result<Outcome, Failure> {
        // The parameter `hang` makes an action that never returns by itself.
        if self.parameters["hang"] == true {
            std::future::pending::<()>().await;
        }
        if self.parameters["effect"] == true {
            let entry = Entry { key: format!("{number}"), data: json!({"n": batch.len()}) };
            let change = Change::Upsert(entry);
            let call = Call { batch: Some(number), number: 0 };
            let written = self.host_calls.before_effect().await;
            let written = match written {
                Ok(()) => self.host_calls.write("effects", vec![change], call).await.map(drop),
                Err(error) => Err(error),
            };
            written.map_err(|error| Failure::new(FailureKind::Final, error.to_string()))?;
        }
        // The parameter `start` names a job to start for each record and to wait for.
        if let Some(job) = self.parameters["start"].as_str() {
            return self.start_and_wait(job, number, batch).await;
        }
        (self.function)(&self.parameters, batch)
    }

    async fn close(&mut self) -> Result<Outcome, Failure> {
        // The parameter `warnAtClose` makes an action that ends with a warning without a message.
        let severity = if self.parameters["warnAtClose"] == true { Severity::Warning } else { Severity::Success };
        Ok(Outcome { severity, ..Outcome::default() })
    }

    fn drain(&mut self) -> LineOutput {
        LineOutput::default()
    }
}
