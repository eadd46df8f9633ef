//! Whole jobs: started, performed and recorded.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use actions::host::Host;
use engine::model::organization::{Access, Organization};
use engine::model::quota::Quotas;
use engine::ports::clock::SystemClock;
use engine::ports::files::Folder;
use engine::ports::memory::MemoryStore;
use engine::runtime::authenticate::DEFAULT_ORGANIZATION;
use engine::runtime::engine::{Engine, Stores};
use engine::runtime::manage::NewOrganization;
use engine::runtime::start::Start;
use engine::runtime::worker::Worker;
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
pub async fn on_sqlite(host: Arc<Host>, folder: &Path) -> Result<Arc<Engine>, Failed> {
    std::fs::create_dir_all(folder).map_err(|error| broken(&error))?;
    let store = Store::open_sqlite(folder.join("bench.db")).await.map_err(|error| broken(&error))?;
    Ok(engine(Stores::of(Arc::new(store)), host))
}

fn engine(stores: Stores, host: Arc<Host>) -> Arc<Engine> {
    Arc::new(Engine::new(stores, host, Arc::new(Folder::confined_to(".")), Arc::new(SystemClock)))
}

/// The lines of the job that most rows are about: a filter, an action and a script.
pub fn three_lines() -> Value {
    json!([
        {"filter": {"where": {"total": {"gte": 2}}}},
        {"action": "standard/set", "parameters": {"add": {"checked": true}}},
        {"action": "js", "parameters": {"script": "return records.map(r => ({ ...r, tax: r.total * 0.21 }))"}},
    ])
}

async fn one_at_a_time(engine: Arc<Engine>, name: &str) -> Result<Value, Failed> {
    let access = operator(&engine).await?;
    let job = json!({"key": "bench", "lines": three_lines()});
    engine.save_job(&access, job, None).await.map_err(|error| broken(&error))?;
    let worker = Worker::new(Arc::clone(&engine), 1);
    let mut times = Times::default();
    for _ in 0..TIMES {
        let start = Start { job: "bench".to_owned(), records: Some(records(10)), ..Start::default() };
        let began = Instant::now();
        engine.start(&access, start).await.map_err(|error| broken(&error))?;
        worker.step().await.map_err(|error| broken(&error))?;
        times.note(began);
    }
    Ok(times.row(name))
}

/// Somebody who may do anything in the first organization, which is made if it is not there.
pub async fn operator(engine: &Engine) -> Result<Access, Failed> {
    let there = engine.organizations.by_key(DEFAULT_ORGANIZATION).await.map_err(|error| broken(&error))?;
    let organization = match there {
        Some(organization) => organization,
        None => {
            let (key, name, time_zone) = (DEFAULT_ORGANIZATION.to_owned(), "Main".to_owned(), "UTC".to_owned());
            let new = NewOrganization { key, name, time_zone };
            engine.add_organization(new).await.map_err(|error| broken(&error))?
        }
    };
    // A bench starts more than any quota is for.
    let quotas = Quotas { starts_per_minute: u32::MAX, ..organization.quotas };
    let access = Engine::access_of_operator(Organization { quotas, ..organization }, "bench");
    engine.set_quotas(&access, quotas).await.map_err(|error| broken(&error))?;
    Ok(access)
}
