//! One server or program by itself: latencies, the cost of an idle server, and a large set.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actions::host::Host;
use engine::engine::Engine;
use engine::execution::start::Start;
use engine::model::organization::Access;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::broken;
use super::served::{Served, memory};
use super::timing::Times;
use crate::Failed;

const STARTS: usize = 300;
const KILLS: usize = 100;
const IDLE_TIME: Duration = Duration::from_secs(10);
const RECORDS: u64 = 1_000_000;

/// Time from a start to the first line, on an idle engine.
pub async fn enqueue(host: Arc<Host>, folder: &Path) -> Result<Value, Failed> {
    let (engine, access, stop) = working(host, folder, super::jobs::three_lines()).await?;
    let mut times = Times::default();
    for _ in 0..STARTS {
        let started = start(&engine, &access).await?;
        let ended = loop {
            let found = engine.results().find(access.scope(), started).await.map_err(|error| broken(&error))?;
            match found {
                Some(found) if found.status.is_final() => break found,
                _ => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        };
        let began = ended.started_at.unwrap_or(ended.created_at);
        times.add((began - ended.created_at).to_std().unwrap_or_default());
    }
    stop.cancel();
    Ok(times.row("enqueue to start, idle"))
}

/// Time from a kill to the end of a guest in an endless loop.
pub async fn kill(host: Arc<Host>, folder: &Path) -> Result<Value, Failed> {
    let lines = json!([{"action": "js", "parameters": {"script": "for (;;) {}"}}]);
    let (engine, access, stop) = working(host, folder, lines).await?;
    let mut times = Times::default();
    for _ in 0..KILLS {
        let id = start(&engine, &access).await?;
        while engine.results().progress(id).is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let began = Instant::now();
        engine.results().kill(&access, id, None).await.map_err(|error| broken(&error))?;
        while engine.results().progress(id).is_some() {
            tokio::task::yield_now().await;
        }
        times.note(began);
    }
    stop.cancel();
    Ok(times.row("kill of a spinning guest, until it is gone"))
}

/// An engine on SQLite with a worker and the job `bench`.
async fn working(host: Arc<Host>, folder: &Path, lines: Value) -> Result<(Engine, Access, CancellationToken), Failed> {
    let engine = super::jobs::on_sqlite(host, folder).await?;
    let access = super::jobs::operator(&engine).await?;
    let job = json!({"key": "bench", "overlap": "allow", "lines": lines});
    engine.jobs().save(&access, job, None).await.map_err(|error| broken(&error))?;
    let stop = CancellationToken::new();
    tokio::spawn(engine.worker(4).work(stop.clone(), Duration::from_secs(1)));
    Ok((engine, access, stop))
}

async fn start(engine: &Engine, access: &Access) -> Result<engine::model::result::ResultId, Failed> {
    let start = Start { job: "bench".to_owned(), records: Some(super::lines::records(10)), ..Start::default() };
    Ok(engine.jobs().start(access, start).await.map_err(|error| broken(&error))?.id)
}

/// An idle server: how long it takes to start, and what it costs.
pub async fn at_rest(folder: &Path) -> Result<Value, Failed> {
    let first = Served::start(folder, 16, None).await?;
    let token = first.token().to_owned();
    first.stop().await?;
    let mut ready = Vec::new();
    for _ in 0..5 {
        let served = Served::start(folder, 16, Some(&token)).await?;
        ready.push((served.ready_after.as_secs_f64() * 1e4).round() / 10.0);
        served.stop().await?;
    }
    let served = Served::start(folder, 16, Some(&token)).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = served.processor_ms();
    tokio::time::sleep(IDLE_TIME).await;
    let spent = served.processor_ms().zip(before).map(|(after, before)| after - before);
    Ok(json!({
        "row": "server at rest", "ready_ms": ready, "processor_ms_in_10_s": spent, "resident_mb": served.memory("VmRSS:"),
    }))
}

/// A million records through a filter, an action and an aggregate, with `run`.
pub async fn million(folder: &Path) -> Result<Value, Failed> {
    std::fs::create_dir_all(folder).map_err(|error| broken(&error))?;
    let (source, job) = (folder.join("orders.jsonl"), folder.join("job.json"));
    write_orders(&source).map_err(|error| broken(&error))?;
    let definition = json!({"key": "totals", "lines": [
        {"filter": {"source": {"file": source}, "where": {"open": true}}},
        {"action": "standard/set", "parameters": {"add": {"checked": true}}},
        {"action": "standard/aggregate", "parameters": {
            "groupBy": ["country"], "values": {"orders": {"count": true}, "cents": {"sum": "cents"}}}},
    ]});
    std::fs::write(&job, definition.to_string()).map_err(|error| broken(&error))?;
    let began = Instant::now();
    let mut child = tokio::process::Command::new(std::env::current_exe().map_err(|error| broken(&error))?)
        .arg("run")
        .arg(&job)
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| broken(&error))?;
    let mut most = 0.0_f64;
    let ended = loop {
        most = most.max(child.id().and_then(|id| memory(id, "VmHWM:")).unwrap_or(0.0));
        match tokio::time::timeout(Duration::from_millis(20), child.wait()).await {
            Ok(ended) => break ended.map_err(|error| broken(&error))?,
            Err(_) => continue,
        }
    };
    let seconds = (began.elapsed().as_secs_f64() * 10.0).round() / 10.0;
    if !ended.success() {
        return Err(broken(&"the job with a million records failed"));
    }
    Ok(json!({"row": "1,000,000 records: filter, set, aggregate", "seconds": seconds, "most_mb": most}))
}

fn write_orders(path: &Path) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for n in 0..RECORDS {
        let country = ["ES", "PT", "FR", "DE"][(n % 4) as usize];
        let (name, cents, open) = (n % 5000, n * 7919 % 10_000, n % 10 != 0);
        writeln!(file, r#"{{"id":{n},"name":"customer {name}","country":"{country}","cents":{cents},"open":{open}}}"#)?;
    }
    file.flush()
}
