//! Whole jobs, from the start to the recorded result.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use actions::host::Host;
use engine::engine::Engine;
use engine::execution::start::Start;
use engine::model::organization::{Access, Organization};
use engine::model::quota::Quotas;
use engine::ports::clock::SystemClock;
use engine::ports::files::Folder;
use engine::ports::stores::Stores;
use engine::services::organizations::DEFAULT_ORGANIZATION;
use engine::services::organizations::NewOrganization;
use memory::MemoryStore;

use schema::Store;
use serde_json::{Value, json};

use super::broken;
use super::lines::records;
use super::timing::Times;
use crate::Failed;

const TIMES: usize = 200;

pub async fn in_memory(host: Arc<Host>) -> Result<Value, Failed> {
    let memory = engine(Stores::of(Arc::new(MemoryStore::new())), host);
    one_at_a_time(memory, "three-line job, 10 records, in memory").await
}

pub async fn one_by_one(host: Arc<Host>, folder: &Path) -> Result<Value, Failed> {
    one_at_a_time(on_sqlite(host, folder).await?, "three-line job, 10 records, SQLite, one at a time").await
}

/// An engine on a new database in this folder.
pub async fn on_sqlite(host: Arc<Host>, folder: &Path) -> Result<Engine, Failed> {
    std::fs::create_dir_all(folder).map_err(|error| broken(&error))?;
    let store = Store::open_sqlite(folder.join("bench.db")).await.map_err(|error| broken(&error))?;
    Ok(engine(Stores::of(Arc::new(store)), host))
}

fn engine(stores: Stores, host: Arc<Host>) -> Engine {
    Engine::new(stores, host, Arc::new(Folder::confined_to(".")), Arc::new(SystemClock))
}

/// The lines of the job in most rows: a filter, an action and a script.
pub fn three_lines() -> Value {
    json!([
        {"filter": {"where": {"total": {"gte": 2}}}},
        {"action": "standard/set", "parameters": {"add": {"checked": true}}},
        {"action": "js", "parameters": {"script": "return records.map(r => ({ ...r, tax: r.total * 0.21 }))"}},
    ])
}

async fn one_at_a_time(engine: Engine, name: &str) -> Result<Value, Failed> {
    let access = operator(&engine).await?;
    let job = json!({"key": "bench", "lines": three_lines()});
    engine.jobs().save(&access, job, None).await.map_err(|error| broken(&error))?;
    let worker = engine.worker(1);
    let mut times = Times::default();
    for _ in 0..TIMES {
        let start = Start { job: "bench".to_owned(), records: Some(records(10)), ..Start::default() };
        let began = Instant::now();
        engine.jobs().start(&access, start).await.map_err(|error| broken(&error))?;
        worker.step().await.map_err(|error| broken(&error))?;
        times.note(began);
    }
    Ok(times.row(name))
}

/// An operator of the first organization, which is made if needed.
pub async fn operator(engine: &Engine) -> Result<Access, Failed> {
    let found = engine.organizations().find(DEFAULT_ORGANIZATION).await.map_err(|error| broken(&error))?;
    let organization = match found {
        Some(organization) => organization,
        None => {
            let (key, name, time_zone) = (DEFAULT_ORGANIZATION.to_owned(), "Main".to_owned(), "UTC".to_owned());
            let new = NewOrganization { key, name, time_zone };
            engine.organizations().add(new).await.map_err(|error| broken(&error))?
        }
    };
    // A benchmark starts more than any quota allows.
    let quotas = Quotas { starts_per_minute: u32::MAX, ..organization.quotas };
    let access = Access::of_operator(Organization { quotas, ..organization }, "bench");
    engine.organizations().set_quotas(&access, quotas).await.map_err(|error| broken(&error))?;
    Ok(access)
}
