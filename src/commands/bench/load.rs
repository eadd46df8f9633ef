//! Many clients at once: how many jobs a server accepts and finishes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::lines::records;
use super::served::{HttpClient, Served};
use super::{broken, per_second};
use crate::Failed;

const CLIENTS: usize = 256;
/// How many jobs run from start to finish.
pub const JOBS: u64 = 10_000;
/// Key of the job that is measured.
pub const JOB: &str = "ropewalk-bench";
const SECONDS: u64 = 10;
const RUN: &str =
    "mutation($input: RunJobInput!) { runJob(input: $input) { jobResult { id } userErrors { message } } }";
const OPEN: &str = "query ($job: String!) { pending: jobResults(first: 1, job: $job, status: PENDING) { totalCount }
    running: jobResults(first: 1, job: $job, status: RUNNING) { totalCount } }";

/// Jobs from the start to the recorded end, 256 in flight.
pub async fn in_flight(served: &Served, jobs: u64) -> Result<Value, Failed> {
    prepare(served, json!({})).await?;
    let (mut observer, free) = (served.connect().await?, Arc::new(Semaphore::new(CLIENTS)));
    let sent = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(start_when_free(served.connect().await?, Arc::clone(&free), Arc::clone(&sent), jobs));
    }
    loop {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let asked = sent.load(Ordering::SeqCst).min(jobs);
        let open = open(&mut observer).await?;
        let capacity = CLIENTS as u64 - open.min(CLIENTS as u64);
        free.add_permits((capacity as usize).saturating_sub(free.available_permits()));
        while let Some(ended) = clients.try_join_next() {
            ended.map_err(|error| broken(&error))??;
        }
        if asked == jobs && open == 0 && clients.is_empty() {
            break;
        }
    }
    let took = began.elapsed();
    let row = "three-line job, 10 records, 256 in flight, start to finish, client included";
    Ok(json!({
        "row": row, "jobs": jobs, "per_s": per_second(jobs, took), "processor_us_per_job": processor(served, jobs),
        "most_mb": served.memory("VmHWM:"),
    }))
}

/// Starts a job whenever a permit is free, until all are started.
async fn start_when_free(
    mut client: HttpClient,
    free: Arc<Semaphore>,
    sent: Arc<AtomicU64>,
    jobs: u64,
) -> Result<(), Failed> {
    let input = json!({"input": {"job": JOB, "records": records(10)}});
    loop {
        free.acquire().await.map_err(|error| broken(&error))?.forget();
        if sent.fetch_add(1, Ordering::SeqCst) >= jobs {
            free.add_permits(1);
            return Ok(());
        }
        without_errors(client.ask(RUN, input.clone()).await?)?;
    }
}

/// Starts that are only accepted: the one worker waits for an HTTP answer that never comes.
pub async fn accepted_starts(folder: &Path) -> Result<Value, Failed> {
    let served = Served::start(folder, 1, None).await?;
    let silent = TcpListener::bind("127.0.0.1:0").await.map_err(|error| broken(&error))?;
    let url = format!("http://{}/", silent.local_addr().map_err(|error| broken(&error))?);
    prepare(&served, json!({"action": "http.request", "parameters": {"url": url, "method": "GET"}})).await?;
    let Load { accepted, refused, took } = put_load_on(&served, Duration::from_secs(SECONDS), 1).await?;
    let row = "pure starts accepted, durable, 256 clients";
    Ok(json!({
        "row": row, "per_s": per_second(accepted, took), "refused": refused,
        "processor_us_per_start": processor(&served, accepted), "most_mb": served.memory("VmHWM:"),
    }))
}

/// Overload: clients that start jobs without waiting for their ends.
pub async fn overload(folder: &Path) -> Result<Value, Failed> {
    let served = Served::start(folder, 16, None).await?;
    prepare(&served, json!({})).await?;
    let Load { accepted, refused, took } = put_load_on(&served, Duration::from_secs(SECONDS), 10).await?;
    let mut observer = served.connect().await?;
    let left = open(&mut observer).await?;
    let most = served.memory("VmHWM:");
    let began = Instant::now();
    while open(&mut observer).await? > 0 && began.elapsed() < Duration::from_secs(120) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(json!({
        "row": "ten times the clients (2,560), each starting without waiting",
        "accepted_per_s": per_second(accepted, took), "refused": refused,
        "finished_per_s": per_second(accepted - left.min(accepted), took),
        "left_waiting": left, "finished_per_s_alone_after": per_second(left, began.elapsed()), "most_mb": most,
    }))
}

/// The outcome of clients that start jobs without a pause.
struct Load {
    accepted: u64,
    /// Starts that were answered with an error, which clients should retry.
    refused: u64,
    took: Duration,
}

async fn put_load_on(served: &Served, duration: Duration, times: usize) -> Result<Load, Failed> {
    let (accepted, refused) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (stop, mut clients) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
    for _ in 0..CLIENTS * times {
        let (mut client, accepted, refused) = (served.connect().await?, Arc::clone(&accepted), Arc::clone(&refused));
        let (stop, input) = (Arc::clone(&stop), json!({"input": {"job": JOB, "records": records(10)}}));
        clients.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let taken = client.ask(RUN, input.clone()).await.and_then(without_errors);
                let count = if taken.is_ok() { &accepted } else { &refused };
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let began = Instant::now();
    tokio::time::sleep(duration).await;
    stop.store(true, Ordering::Relaxed);
    clients.join_all().await;
    let (accepted, refused) = (accepted.load(Ordering::Relaxed), refused.load(Ordering::Relaxed));
    Ok(Load { accepted, refused, took: began.elapsed() })
}

/// Saves the job that is measured: a filter, an action and a script, or only the line that is given.
pub async fn prepare(served: &Served, only: Value) -> Result<(), Failed> {
    let mut client = served.connect().await?;
    let lines = if only == json!({}) { super::jobs::three_lines() } else { json!([only]) };
    let save = "mutation($input: SaveJobInput!) { saveJob(input: $input) { userErrors { path message } } }";
    let job = json!({"key": JOB, "overlap": "allow", "lines": lines});
    let saved = client.ask(save, json!({"input": {"document": job}})).await?;
    none(&saved["saveJob"]["userErrors"])?;
    if only == json!({}) {
        return Ok(());
    }
    let grant = "mutation { grantModule(input: {module: \"http\", http: {hosts: [\"*\"], addresses: [\"127.0.0.0/8\"]}}) { userErrors { message } } }";
    client.ask(grant, json!({})).await.map(drop)
}

/// Processor time of the server, which depends little on other programs of the machine.
fn processor(served: &Served, count: u64) -> Option<u64> {
    Some(served.processor_ms()? * 1000 / count.max(1))
}

pub fn without_errors(answer: Value) -> Result<(), Failed> {
    none(&answer["runJob"]["userErrors"])
}

pub fn none(errors: &Value) -> Result<(), Failed> {
    if errors.as_array().is_some_and(Vec::is_empty) { Ok(()) } else { Err(broken(errors)) }
}

/// How many results have not ended.
async fn open(observer: &mut HttpClient) -> Result<u64, Failed> {
    let counted = observer.ask(OPEN, json!({"job": JOB})).await?;
    let count = |status: &str| counted[status]["totalCount"].as_u64().unwrap_or(0);
    Ok(count("pending") + count("running"))
}
