use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::model::action::Intake;
use crate::model::organization::Access;
use crate::model::status::Status;
use crate::ports::actions::{Failure, FailureKind, Outcome, Severity};
use crate::ports::clock::{StandingClock, SystemClock};
use crate::ports::files::Folder;
use crate::ports::memory::MemoryStore;
use crate::ports::memory::actions::{Function, FunctionActions};
use crate::runtime::engine::{Engine, Stores};
use crate::runtime::manage::NewOrganization;
use crate::runtime::perform::Performed;
use crate::runtime::start::{Start, StartError};
use crate::runtime::worker::Worker;

/// An engine on twins, and somebody who may do anything in its only organization.
pub struct Harness {
    pub engine: Arc<Engine>,
    /// The clock of the engine, unless it was given another.
    pub clock: Arc<StandingClock>,
    pub access: Access,
}

/// An engine on twins.
pub async fn harness() -> Harness {
    harness_with(|_, _| Ok(Outcome::default())).await
}

/// The same with an action `own` that is this function.
pub async fn harness_with(own: Function) -> Harness {
    let clock = Arc::new(StandingClock::at("2026-11-20T09:30:00Z".parse().unwrap()));
    let stores = Stores::of(Arc::new(MemoryStore::new()));
    let folder = Arc::new(Folder::confined_to(std::env::temp_dir()));
    let engine = Arc::new(Engine::new(stores, Arc::new(functions(own)), folder, clock.clone()));
    let new = NewOrganization { key: "main".into(), name: "Main".into(), time_zone: "Europe/Madrid".into() };
    let organization = engine.add_organization(new).await.unwrap();
    Harness { engine, clock, access: Engine::access_of_operator(organization, "tester") }
}

impl Harness {
    /// The same with a clock that goes on.
    pub fn on_the_systems_clock(self) -> Self {
        let engine = Engine { clock: Arc::new(SystemClock), ..(*self.engine).clone() };
        Self { engine: Arc::new(engine), ..self }
    }

    pub async fn save(&self, job: Value) {
        self.engine.save_job(&self.access, job, None).await.unwrap();
    }

    pub async fn start(&self, arguments: Value, records: Value) -> Result<crate::model::result::JobResult, StartError> {
        let arguments: Map<_, _> = arguments.as_object().unwrap().clone();
        let start = Start { job: "job".into(), arguments, records: records.as_array().cloned(), ..Start::default() };
        self.engine.start(&self.access, start).await
    }

    pub async fn step(&self) -> Option<Performed> {
        Worker::new(Arc::clone(&self.engine), 1).step().await.unwrap()
    }

    /// Saves a job with these lines, starts it with these records, and performs it.
    pub async fn perform(&self, job: Value, records: Value) -> Performed {
        self.save(job).await;
        self.start(json!({}), records).await.unwrap();
        self.step().await.unwrap()
    }
}

/// The set after the last line.
pub fn all(performed: &Performed) -> Vec<Value> {
    performed.records.to_vec().unwrap()
}

/// `[line, status]` of every line.
pub fn statuses(performed: &Performed) -> Vec<(u32, Status)> {
    performed.lines.iter().map(|line| (line.line_no, line.status)).collect()
}

fn functions(own: Function) -> FunctionActions {
    FunctionActions::of([
        ("own", Intake::Batches, own),
        ("pass", Intake::Batches, |_, _| Ok(Outcome::default())),
        ("fail", Intake::None, |_, _| Err(Failure::new(FailureKind::Final, "It was told to fail."))),
        ("count", Intake::Batches, |_, batch| Ok(records(vec![json!({"n": batch.len()})]))),
        ("whole", Intake::Whole, |_, batch| Ok(records(vec![json!({"n": batch.len()})]))),
        ("reject-odd", Intake::Batches, |_, batch| {
            let odd = (0..).zip(batch).filter(|(_, record)| record["n"].as_i64().unwrap_or(1) % 2 == 1);
            let rejected = odd.map(|(index, record)| (index, format!("{} is odd", record["n"]))).collect();
            Ok(Outcome { rejected, ..Outcome::default() })
        }),
        ("lie", Intake::Batches, |_, _| Ok(Outcome { rejected: vec![(99, "not there".into())], ..Outcome::default() })),
        ("warn", Intake::Batches, |_, _| {
            Ok(Outcome {
                message: Some("Somebody should look.".into()),
                severity: Severity::Warning,
                ..Outcome::default()
            })
        }),
        ("idle", Intake::Batches, |_, _| Ok(Outcome { severity: Severity::Info, ..Outcome::default() })),
        ("panic", Intake::None, |_, _| panic!("a fault of the engine")),
        ("echo", Intake::None, |parameters, _| Ok(records(vec![parameters.clone()]))),
    ])
}

fn records(records: Vec<Value>) -> Outcome {
    Outcome { records: Some(records), ..Outcome::default() }
}
