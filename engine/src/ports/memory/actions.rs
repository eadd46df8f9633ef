//! Actions as plain functions: the twin of the WASM host, for tests of the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use semver::Version;
use serde_json::{Value, json};

use crate::model::action::{ActionSpec, Intake};
use crate::model::collection::{Change, Entry};
use crate::model::module::ModuleInfo;
use crate::model::status::Status;
use crate::ports::actions::{ActionLine, Actions, Failure, FailureKind, OpenLine, Outcome, Severity, Told};
use crate::ports::reach::{Call, JobStart, Reach, ReachError};

/// What a function action is handed: its parameters and a batch.
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
        Ok(Box::new(FunctionLine { function, parameters: line.parameters, reach: line.reach }))
    }
}

struct FunctionLine {
    function: Function,
    parameters: Value,
    reach: Arc<dyn Reach>,
}

impl FunctionLine {
    async fn start_and_wait(&self, job: &str, batch: u32, records: &[Value]) -> Result<Outcome, Failure> {
        let failure = |error: ReachError| Failure::new(FailureKind::Final, error.to_string());
        for (number, record) in (0..).zip(records) {
            let start = JobStart { job: job.to_owned(), records: Some(vec![record.clone()]), ..JobStart::default() };
            self.reach.start(start, Call { batch: Some(batch), number }, true).await.map_err(failure)?;
        }
        let Some(ended) = self.reach.outcomes(Some(batch), true).await.map_err(failure)? else {
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
        // A parameter `hang` stands for an action that never comes back by itself.
        if self.parameters["hang"] == true {
            std::future::pending::<()>().await;
        }
        if self.parameters["effect"] == true {
            let entry = Entry { key: format!("{number}"), data: json!({"n": batch.len()}) };
            let change = Change::Upsert(entry);
            let call = Call { batch: Some(number), number: 0 };
            let written = self.reach.before_effect().await;
            let written = match written {
                Ok(()) => self.reach.write("effects", vec![change], call).await.map(drop),
                Err(error) => Err(error),
            };
            written.map_err(|error| Failure::new(FailureKind::Final, error.to_string()))?;
        }
        // A parameter `start` names a job that is started for each record and waited for.
        if let Some(job) = self.parameters["start"].as_str() {
            return self.start_and_wait(job, number, batch).await;
        }
        (self.function)(&self.parameters, batch)
    }

    async fn close(&mut self) -> Result<Outcome, Failure> {
        // A parameter `warnAtClose` stands for an action that warns without a word.
        let severity = if self.parameters["warnAtClose"] == true { Severity::Warning } else { Severity::Success };
        Ok(Outcome { severity, ..Outcome::default() })
    }

    fn drain(&mut self) -> Told {
        Told::default()
    }
}
