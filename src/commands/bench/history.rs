//! With a long history: claims, and pages of the API.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use engine::model::action::Intake;
use engine::model::organization::Access;
use engine::model::overlap::Overlap;
use engine::model::record::Sample;
use engine::model::result::{Counters, LineKind, LineResult, ResultId};
use engine::model::status::Status;
use engine::model::turn::Room;
use engine::ports::actions::Outcome;
use engine::ports::clock::{Clock, SystemClock};
use engine::ports::files::Folder;
use engine::ports::memory::actions::{Function, FunctionActions};
use engine::ports::queue::{CLAIM_BATCH, Claim, Finish, Notes};
use engine::ports::queues::DEFAULT_QUEUE;
use engine::ports::results::NewResult;
use engine::runtime::engine::{Engine, Stores};
use schema::Store;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::broken;
use super::served::Served;
use super::timing::Times;
use crate::Failed;

/// How many results have ended before claims are measured; `ROPEWALK_BENCH_FINISHED` says otherwise.
const FINISHED: usize = 1_000_000;
const LISTED: usize = 100_000;
const CLAIMS: usize = 300;
const PAGES: usize = 300;
/// How many starts and finishes are on their way at once.
const AT_ONCE: usize = 500;

/// A claim of one result, with an empty history and with a long one.
pub async fn claims(folder: &Path) -> Result<Value, Failed> {
    let finished = std::env::var("ROPEWALK_BENCH_FINISHED").ok().and_then(|count| count.parse().ok());
    let finished = finished.unwrap_or(FINISHED);
    let store = open(folder).await?;
    let (engine, access) = engine(Arc::clone(&store)).await?;
    let empty = one_by_one(&engine, &access).await?;
    fill(&engine, &access, finished, 0).await?;
    let full = one_by_one(&engine, &access).await?;
    store.close().await;
    Ok(json!({"row": "claim of one result", "finished": finished, "empty": empty, "full": full}))
}

/// Fifty results with their lines, of very many, over HTTP.
pub async fn pages(folder: &Path) -> Result<Value, Failed> {
    let served = Served::start(folder, 1, None).await?;
    let token = served.token().to_owned();
    served.stop().await?;
    let store = open(folder).await?;
    let (engine, access) = engine(Arc::clone(&store)).await?;
    fill(&engine, &access, LISTED, 3).await?;
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
            return Err(broken(&"the page is not whole"));
        }
    }
    Ok(times.row("GraphQL page of 50 results with their lines, 100,000 in store"))
}

async fn open(folder: &Path) -> Result<Arc<Store>, Failed> {
    std::fs::create_dir_all(folder).map_err(|error| broken(&error))?;
    Ok(Arc::new(Store::open_sqlite(folder.join("ropewalk.db")).await.map_err(|error| broken(&error))?))
}

/// An engine whose one action does nothing, with a job of it.
async fn engine(store: Arc<Store>) -> Result<(Arc<Engine>, Access), Failed> {
    let pass: Function = |_, _| Ok(Outcome::default());
    let actions = FunctionActions::of([("pass", Intake::Batches, pass)]);
    let files = Arc::new(Folder::confined_to("."));
    let engine = Arc::new(Engine::new(Stores::of(store), Arc::new(actions), files, Arc::new(SystemClock)));
    let access = super::jobs::operator(&engine).await?;
    let job = json!({"key": "passes", "overlap": "allow", "lines": [{"action": "pass"}]});
    engine.save_job(&access, job, None).await.map_err(|error| broken(&error))?;
    Ok((engine, access))
}

/// Starts, claims and finishes one result after the other, and takes the time of the claims.
async fn one_by_one(engine: &Arc<Engine>, access: &Access) -> Result<Value, Failed> {
    let mut times = Times::default();
    for _ in 0..CLAIMS {
        engine.results.start(access.scope(), start()).await.map_err(|error| broken(&error))?;
        let began = Instant::now();
        let claims = engine.queue.claim(claim(engine, 1)).await.map_err(|error| broken(&error))?;
        times.note(began);
        for claimed in claims.claimed {
            let finish = Finish::bare(Status::Success, "Done.", engine.clock.now());
            engine.queue.finish(claimed.lease, finish).await.map_err(|error| broken(&error))?;
        }
    }
    Ok(times.row("claim"))
}

/// Fills the history with results that ended, each with so many lines.
async fn fill(engine: &Arc<Engine>, access: &Access, count: usize, lines: u32) -> Result<(), Failed> {
    for _ in 0..count.div_ceil(AT_ONCE) {
        let mut starting = JoinSet::new();
        for _ in 0..AT_ONCE {
            let (engine, scope) = (Arc::clone(engine), access.scope());
            starting.spawn(async move { engine.results.start(scope, start()).await.map(drop) });
        }
        while let Some(started) = starting.join_next().await {
            started.map_err(|error| broken(&error))?.map_err(|error| broken(&error))?;
        }
        let claims = engine.queue.claim(claim(engine, CLAIM_BATCH)).await.map_err(|error| broken(&error))?;
        let mut finishing = JoinSet::new();
        for claimed in claims.claimed {
            let (engine, notes) = (Arc::clone(engine), Notes { modules: None, lines: lines_of(lines) });
            let finish =
                Finish { notes, ..Finish::bare(Status::Success, "All lines did their work.", engine.clock.now()) };
            finishing.spawn(async move { engine.queue.finish(claimed.lease, finish).await.map(drop) });
        }
        while let Some(finished) = finishing.join_next().await {
            finished.map_err(|error| broken(&error))?.map_err(|error| broken(&error))?;
        }
    }
    Ok(())
}

fn claim(engine: &Engine, slots: u32) -> Claim {
    Claim { node: engine.node, room: Room { slots, spare: 0 }, now: engine.clock.now() }
}

fn start() -> NewResult {
    let now = SystemClock.now();
    NewResult {
        id: ResultId(uuid::Uuid::now_v7()),
        job: "passes".to_owned(),
        version: 1,
        templates: Vec::new(),
        title: None,
        started_by: "bench".to_owned(),
        dry_run: false,
        queue: DEFAULT_QUEUE.to_owned(),
        priority: 0,
        overlap: Overlap::Allow,
        idempotency: None,
        retry: None,
        notice_of: None,
        scheduled: None,
        started_from: None,
        depth: 0,
        born: None,
        arguments: serde_json::Map::new(),
        since: None,
        records: Vec::new(),
        now,
        created_at: now,
    }
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
        parameters: json!({"add": {"checked": true}}),
        sample: Sample::default(),
        rejected: Vec::new(),
        log: Vec::new(),
        effects: Vec::new(),
    };
    (1..=count).map(line).collect()
}
