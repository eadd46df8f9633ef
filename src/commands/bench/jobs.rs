//! Whole jobs: started, performed and recorded.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use actions::host::Host;
use engine::model::organization::Access;
use engine::ports::clock::SystemClock;
use engine::ports::files::Folder;
use engine::ports::memory::MemoryStore;
use engine::runtime::engine::{Engine, Stores};
use engine::runtime::manage::NewOrganization;
use engine::runtime::start::Start;
use engine::runtime::worker::Worker;
use schema::Store;
use serde_json::{Value, json};

use super::lines::records;
use super::timing::Times;
use crate::Failed;

const TIMES: usize = 200;

pub async fn rows(host: Arc<Host>, folder: &Path) -> Result<Vec<Value>, Failed> {
    let broken = |error: &dyn std::fmt::Display| Failed::Broken(error.to_string());
    let memory = Stores::of(Arc::new(MemoryStore::new()));
    let store = Arc::new(Store::open_sqlite(folder.join("bench.db")).await.map_err(|error| broken(&error))?);
    let sqlite = Stores::of(Arc::clone(&store));
    let rows = vec![
        one_at_a_time(engine(memory, Arc::clone(&host)), "three-line job, 10 records, in memory").await?,
        one_at_a_time(engine(sqlite, host), "three-line job, 10 records, SQLite, one at a time").await?,
    ];
    store.close().await;
    Ok(rows)
}

fn engine(stores: Stores, host: Arc<Host>) -> Arc<Engine> {
    Arc::new(Engine::new(stores, host, Arc::new(Folder::confined_to(".")), Arc::new(SystemClock)))
}

/// A filter, an action and a script.
async fn one_at_a_time(engine: Arc<Engine>, name: &str) -> Result<Value, Failed> {
    let broken = |error: &dyn std::fmt::Display| Failed::Broken(error.to_string());
    let access = operator(&engine).await?;
    let job = json!({"key": "bench", "lines": [
        {"filter": {"where": {"total": {"gte": 2}}}},
        {"action": "standard/set", "parameters": {"add": {"checked": true}}},
        {"action": "js", "parameters": {"script": "return records.map(r => ({ ...r, tax: r.total * 0.21 }))"}},
    ]});
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

async fn operator(engine: &Engine) -> Result<Access, Failed> {
    let new = NewOrganization { key: "bench".to_owned(), name: "Bench".to_owned(), time_zone: "UTC".to_owned() };
    let organization = engine.add_organization(new).await.map_err(|error| Failed::Broken(error.to_string()))?;
    Ok(Engine::access_of_operator(organization, "bench"))
}
