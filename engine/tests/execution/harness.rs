//! What every test begins with: an engine on a store in memory, whose actions are functions.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use engine::engine::Engine;
use engine::execution::outcome::Performed;
use engine::execution::start::Start;
use engine::model::action::Intake;
use engine::model::organization::Access;
use engine::model::refusal::{Refusal, RefusalCode};
use engine::model::result::JobResult;
use engine::model::status::Status;
use engine::node::service_error::ServiceError;
use engine::ports::actions::{Failure, FailureKind, Outcome, Severity};
use engine::ports::clock::{Clock, StandingClock, SystemClock};
use engine::ports::files::Folder;
use engine::ports::stores::Stores;
use engine::records::spill_config::SpillConfig;
use engine::services::organizations::{NewOrganization, OrganizationUpdate};
use memory::MemoryStore;
use memory::functions::{Function, FunctionActions};

/// An engine on a store in memory, and somebody who may do anything in its only organization.
#[derive(Clone)]
pub struct Harness {
    pub engine: Engine,
    /// The ports of the engine.
    pub stores: Stores,
    /// The clock of the engine, unless it was given another.
    pub clock: Arc<StandingClock>,
    pub access: Access,
    /// The action `own`.
    pub own: Function,
}

/// An engine on a store in memory.
pub async fn harness() -> Harness {
    harness_with(|_, _| Ok(Outcome::default())).await
}

/// The same with an action `own` that is this function.
pub async fn harness_with(own: Function) -> Harness {
    let clock = Arc::new(StandingClock::at("2026-11-20T09:30:00Z".parse().unwrap()));
    let stores = Stores::of(Arc::new(MemoryStore::new()));
    let engine = engine_on(&stores, clock.clone(), own, SpillConfig::default());
    let new = NewOrganization { key: "main".into(), name: "Main".into(), time_zone: "Europe/Madrid".into() };
    let organization = engine.organizations().add(new).await.unwrap();
    Harness { engine, stores, clock, access: Access::of_operator(organization, "tester"), own }
}

fn engine_on(stores: &Stores, clock: Arc<dyn Clock>, own: Function, spill: SpillConfig) -> Engine {
    let folder = Arc::new(Folder::confined_to(std::env::temp_dir()));
    Engine::with_spill(stores.clone(), Arc::new(functions(own)), folder, clock, spill)
}

impl Harness {
    /// The same with a new engine on these ports.
    pub fn on(self, stores: Stores) -> Self {
        let engine = engine_on(&stores, self.clock.clone(), self.own, SpillConfig::default());
        Self { engine, stores, ..self }
    }

    /// The same with a new engine, which knows only what is in the store.
    pub fn restarted(self) -> Self {
        let stores = self.stores.clone();
        self.on(stores)
    }

    /// The same with a clock that goes on.
    pub fn on_the_systems_clock(self) -> Self {
        let engine = engine_on(&self.stores, Arc::new(SystemClock), self.own, SpillConfig::default());
        Self { engine, ..self }
    }

    /// The same with other room for sets.
    pub fn with_spill(self, spill: SpillConfig) -> Self {
        let engine = engine_on(&self.stores, self.clock.clone(), self.own, spill);
        Self { engine, ..self }
    }

    pub async fn save(&self, job: Value) {
        self.engine.jobs().save(&self.access, job, None).await.unwrap();
    }

    pub async fn start(&self, arguments: Value, records: Value) -> Result<JobResult, ServiceError> {
        let arguments: Map<_, _> = arguments.as_object().unwrap().clone();
        let start = Start { job: "job".into(), arguments, records: records.as_array().cloned(), ..Start::default() };
        self.engine.jobs().start(&self.access, start).await
    }

    pub async fn set_organization_active(&self, active: bool) {
        let update = OrganizationUpdate { active: Some(active), ..OrganizationUpdate::default() };
        self.engine.organizations().update(&self.access, "main", update).await.unwrap();
    }

    pub async fn step(&self) -> Option<Performed> {
        self.engine.worker(1).step().await.unwrap()
    }

    /// Saves a job with these lines, starts it with these records, and performs it.
    pub async fn perform(&self, job: Value, records: Value) -> Performed {
        self.save(job).await;
        self.start(json!({}), records).await.unwrap();
        self.step().await.unwrap()
    }
}

/// The one reason why nothing was done.
pub fn refusal<Done>(refused: Result<Done, ServiceError>) -> Refusal {
    let Err(error) = refused else { panic!("it was done") };
    match error {
        ServiceError::Refused(mut refusals) if refusals.len() == 1 => refusals.remove(0),
        other => panic!("one refusal, and not: {other:?}"),
    }
}

/// Everything that is wrong with what was given.
pub fn faults<Done>(refused: Result<Done, ServiceError>) -> Vec<Refusal> {
    let Err(error) = refused else { panic!("it was done") };
    match error {
        ServiceError::Refused(refusals) if refusals.iter().all(|one| one.code == RefusalCode::Invalid) => refusals,
        other => panic!("faults, and not: {other:?}"),
    }
}

/// The same as text.
pub fn told<Done>(refused: Result<Done, ServiceError>) -> Vec<String> {
    faults(refused).iter().map(ToString::to_string).collect()
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
        ("fail", Intake::None, |_, _| Err(Failure::new(FailureKind::Final, "It fails on purpose."))),
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
