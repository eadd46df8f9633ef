//! Claims and pages of the API, with a long history.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use engine::model::action::Intake;
use engine::model::organization::Access;

use engine::model::fairness::Capacity;
use engine::model::record::Sample;
use engine::model::result::{Counters, LineKind, LineResult, ResultId};
use engine::model::status::Status;
use engine::ports::actions::Outcome;
use engine::ports::clock::{Clock, SystemClock};
use engine::ports::files::Folder;
use engine::ports::queue::{CLAIM_BATCH, Claim, Finish, Leases, NodeId, Notes, Queue};
use memory::functions::{Function, FunctionActions};

use engine::engine::Engine;
use engine::ports::results::{NewResult, Starts};
use engine::ports::stores::Stores;
use schema::Store;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::broken;
use super::served::Served;
use super::timing::Times;
use crate::Failed;

/// How many results have ended before claims are measured, unless `ROPEWALK_BENCH_FINISHED` sets it.
const FINISHED: usize = 1_000_000;
const LISTED: usize = 100_000;
const CLAIMS: usize = 300;
const PAGES: usize = 300;
/// How many starts and finishes run at the same time.
const CONCURRENCY: usize = 500;

/// Time of a claim of one result, with an empty history and with a long one.
pub async fn claims(folder: &Path) -> Result<Value, Failed> {
    let finished = std::env::var("ROPEWALK_BENCH_FINISHED").ok().and_then(|count| count.parse().ok());
    let finished = finished.unwrap_or(FINISHED);
    let store = open(folder).await?;
    let access = prepare(&store).await?;
    let empty = one_by_one(&store, &access).await?;
    fill(&store, &access, finished, 0).await?;
    let full = one_by_one(&store, &access).await?;
    store.close().await;
    Ok(json!({"row": "claim of one result", "finished": finished, "empty": empty, "full": full}))
}

/// Time of a page of fifty results with their lines over HTTP, with many in the store.
pub async fn pages(folder: &Path) -> Result<Value, Failed> {
    let served = Served::start(folder, 1, None).await?;
    let token = served.token().to_owned();
    served.stop().await?;
    let store = open(folder).await?;
    let access = prepare(&store).await?;
    fill(&store, &access, LISTED, 3).await?;
    store.close().await;
    let served = Served::start(folder, 1, Some(&token)).await?;
    let mut client = served.connect().await?;
    let query = "{ jobResults(first: 50) { edges { node { id job status message createdAt finishedAt recordsIn recordsOut lines { lineNo name status message recordsIn recordsOut } } } pageInfo { hasNextPage endCursor } } }";
    let mut times = Times::default();
    for _ in 0..PAGES {
        let began = Instant::now();
        let page = client.ask(query, json!({})).await?;
        times.note(began);
        if page["jobResults"]["edges"][49]["node"]["lines"][2].is_null() {
            return Err(broken(&"the page is incomplete"));
        }
    }
    Ok(times.row("GraphQL page of 50 results with their lines, 100,000 in store"))
}

async fn open(folder: &Path) -> Result<Arc<Store>, Failed> {
    std::fs::create_dir_all(folder).map_err(|error| broken(&error))?;
    Ok(Arc::new(Store::open_sqlite(folder.join("ropewalk.db")).await.map_err(|error| broken(&error))?))
}

/// Saves a job whose one action does nothing.
async fn prepare(store: &Arc<Store>) -> Result<Access, Failed> {
    let pass: Function = |_, _| Ok(Outcome::default());
    let actions = FunctionActions::of([("pass", Intake::Batches, pass)]);
    let files = Arc::new(Folder::confined_to("."));
    let engine = Engine::new(Stores::of(Arc::clone(store)), Arc::new(actions), files, Arc::new(SystemClock));
    let access = super::jobs::operator(&engine).await?;
    let job = json!({"key": "passes", "overlap": "allow", "lines": [{"action": "pass"}]});
    engine.jobs().save(&access, job, None).await.map_err(|error| broken(&error))?;
    Ok(access)
}

/// Starts, claims and finishes one result after the other, and measures the claims.
async fn one_by_one(store: &Store, access: &Access) -> Result<Value, Failed> {
    let mut times = Times::default();
    for _ in 0..CLAIMS {
        store.start(access.scope(), start()).await.map_err(|error| broken(&error))?;
        let began = Instant::now();
        let claims = store.claim(claim(1)).await.map_err(|error| broken(&error))?;
        times.note(began);
        for claimed in claims.claimed {
            let finish = Finish::bare(Status::Success, "Done.", SystemClock.now());
            store.finish(claimed.lease, finish).await.map_err(|error| broken(&error))?;
        }
    }
    Ok(times.row("claim"))
}

/// Fills the history with results that have ended, each with `lines` lines.
async fn fill(store: &Arc<Store>, access: &Access, count: usize, lines: u32) -> Result<(), Failed> {
    for _ in 0..count.div_ceil(CONCURRENCY) {
        let mut starting = JoinSet::new();
        for _ in 0..CONCURRENCY {
            let (store, scope) = (Arc::clone(store), access.scope());
            starting.spawn(async move { store.start(scope, start()).await.map(drop) });
        }
        while let Some(started) = starting.join_next().await {
            started.map_err(|error| broken(&error))?.map_err(|error| broken(&error))?;
        }
        let claims = store.claim(claim(CLAIM_BATCH)).await.map_err(|error| broken(&error))?;
        let mut finishing = JoinSet::new();
        for claimed in claims.claimed {
            let (store, notes) = (Arc::clone(store), Notes { modules: None, lines: lines_of(lines) });
            let finish =
                Finish { notes, ..Finish::bare(Status::Success, "All lines did their work.", SystemClock.now()) };
            finishing.spawn(async move { store.finish(claimed.lease, finish).await.map(drop) });
        }
        while let Some(finished) = finishing.join_next().await {
            finished.map_err(|error| broken(&error))?.map_err(|error| broken(&error))?;
        }
    }
    Ok(())
}

fn claim(slots: u32) -> Claim {
    Claim { node: NodeId(Uuid::nil()), capacity: Capacity { slots, spare: 0 }, now: SystemClock.now() }
}

fn start() -> NewResult {
    NewResult::new(ResultId(Uuid::now_v7()), ("passes", 1), "bench", SystemClock.now())
}

fn lines_of(count: u32) -> Vec<LineResult> {
    let line = |number: u32| LineResult {
        line_no: number * 10,
        name: Some(format!("line {number}")),
        kind: LineKind::Action,
        action: Some("test/pass".to_owned()),
        status: Status::Success,
        message: "10 records went on.".to_owned(),
        started_at: Some(SystemClock.now()),
        finished_at: Some(SystemClock.now()),
        attempt: 1,
        retry_at: None,
        counters: Counters { records_in: 10, records_out: 10, records_rejected: 0 },
        parameters: json!({"add": {"checked": true}}).into(),
        sample: Sample::default(),
        rejected: Vec::new(),
        log: Vec::new(),
        effects: Vec::new(),
    };
    (1..=count).map(line).collect()
}
