//! A line that really aborts its process, among many that do not: it is found within a stated number of
//! crashes, and nobody else is in error. Each life is a process of its own on one database.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use engine::engine::Engine;
use engine::execution::start::Start;
use engine::model::action::Intake;
use engine::model::lifecycle::isolation::{CRASHES_ALONE, CRASHES_BESIDE_OTHERS};
use engine::model::result::JobResult;
use engine::model::status::Status;
use engine::ports::Page;
use engine::ports::actions::Outcome;
use engine::ports::clock::SystemClock;
use engine::ports::files::Folder;
use engine::ports::results::ResultFilter;
use engine::ports::stores::Stores;
use memory::functions::{Function, FunctionActions};

use schema::Store;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::node::operator;
use crate::support::folder;

/// Names the data folder to a process.
const DATA: &str = "ROPEWALK_TEST_CULPRIT";
const NEIGHBOURS: usize = 18;

async fn open(folder: &Path) -> (Engine, Arc<Store>) {
    let abort: Function = |_, _| std::process::abort();
    let slow: Function = |_, _| {
        std::thread::sleep(Duration::from_millis(20));
        Ok(Outcome::default())
    };
    let actions = FunctionActions::of([("abort", Intake::None, abort), ("slow", Intake::None, slow)]);
    let store = Arc::new(Store::open_sqlite(folder.join("ropewalk.db")).await.expect("a store"));
    let files = Arc::new(Folder::confined_to(folder.join("files")));
    let engine = Engine::new(Stores::of(Arc::clone(&store)), Arc::new(actions), files, Arc::new(SystemClock));
    (engine, store)
}

async fn results(engine: &Engine) -> Vec<JobResult> {
    let page = Page { before: None, limit: 100 };
    let scope = operator(engine).await.scope();
    engine.results().list(scope, &ResultFilter::default(), page).await.expect("a store").items
}

/// Not a test: one life of the node of the test below, until all results have ended or it is aborted.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "it is the process of another test"]
async fn a_life_of_a_node() {
    let Some(folder) = std::env::var_os(DATA) else { return };
    let (engine, store) = open(Path::new(&folder)).await;
    engine.recover().await.expect("a store");
    let stop = CancellationToken::new();
    let work = tokio::spawn(engine.worker(16).work(stop.clone(), Duration::from_secs(1)));
    while results(&engine).await.iter().any(|result| !result.status.is_final()) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stop.cancel();
    work.await.expect("no panic");
    store.close().await;
}

#[tokio::test]
async fn a_line_that_aborts_its_node_is_found_and_nobody_else_is_in_error() {
    let folder = folder();
    let (engine, store) = open(folder.path()).await;
    let access = operator(&engine).await;
    let lines = json!([{"action": "slow"}, {"action": "slow"}]);
    engine.jobs().save(&access, json!({"key": "slow", "overlap": "allow", "lines": lines}), None).await.expect("a job");
    let lines = json!([{"action": "slow"}, {"action": "abort"}]);
    engine
        .jobs()
        .save(&access, json!({"key": "abort", "overlap": "allow", "lines": lines}), None)
        .await
        .expect("a job");
    for number in 0..=NEIGHBOURS {
        let job = if number == NEIGHBOURS / 2 { "abort" } else { "slow" };
        engine.jobs().start(&access, Start { job: job.into(), ..Start::default() }).await.expect("a start");
    }
    store.close().await;
    let mut crashes = 0;
    loop {
        let mut life = Command::new(std::env::current_exe().expect("this program"));
        life.args(["culprit::a_life_of_a_node", "--exact", "--ignored"]).env(DATA, folder.path());
        if life.output().expect("a process").status.success() {
            break;
        }
        crashes += 1;
        assert!(crashes <= CRASHES_BESIDE_OTHERS + CRASHES_ALONE, "{crashes} crashes");
    }
    assert_eq!(crashes, CRASHES_BESIDE_OTHERS + CRASHES_ALONE);
    let (engine, _store) = open(folder.path()).await;
    for result in results(&engine).await {
        let expected = if result.job == "abort" { Status::Error } else { Status::Success };
        assert_eq!(result.status, expected, "{result:#?}");
    }
}
