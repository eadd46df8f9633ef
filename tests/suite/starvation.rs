//! One organization with very many pending jobs keeps no other waiting.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::model::organization::Access;
use engine::model::overlap::Overlap;
use engine::model::result::ResultId;
use engine::ports::clock::{Clock, SystemClock};
use engine::ports::organizations::Organizations;
use engine::ports::queues::DEFAULT_QUEUE;
use engine::ports::results::{NewResult, Starts};
use engine::services::organizations::DEFAULT_ORGANIZATION;
use futures_util::StreamExt;
use schema::Store;
use serde_json::{Value, json};

use crate::served::Server;
use crate::support::folder;

const PENDING: usize = 100_000;
const TRIES: usize = 5;

#[test]
fn a_hundred_thousand_pending_jobs_keep_no_other_organization_waiting() {
    let data = folder();
    let server = Server::start(data.path());
    let token = server.token().to_owned();
    let create = "mutation { createOrganization(input: {key: \"other\", name: \"Other\"}) { userErrors { code } } }";
    server.ask(&token, create, json!({}));
    let long = json!([{"action": "js", "parameters": {"script": "for (let i = 0; i < 1e6; i++); return"}}]);
    server.save(&token, json!({"key": "long", "overlap": "allow", "lines": long}));
    let quick = json!({"key": "quick", "lines": [{"action": "set", "parameters": {"add": {"done": true}}}]});
    let saved = in_other(
        &server,
        &token,
        "mutation($input: SaveJobInput!) { saveJob(input: $input) { userErrors { message } } }",
        json!({"input": {"document": quick}}),
    );
    assert_eq!(saved["saveJob"]["userErrors"], json!([]));
    server.crash();
    let began = Instant::now();
    tokio::runtime::Runtime::new().expect("a runtime").block_on(fill(data.path()));
    eprintln!("{PENDING} starts recorded in {:.1} s", began.elapsed().as_secs_f64());

    let server = Server::start_again(data.path());
    let pending = || {
        server.ask(&token, "{ jobResults(first: 1, status: PENDING) { totalCount } }", json!({}))["jobResults"]["totalCount"].as_u64()
    };
    while pending() > Some(PENDING as u64 - 50) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut waits: Vec<_> = (0..TRIES).map(|_| wait_of_one(&server, &token)).collect();
    let left = pending().expect("a count");
    waits.sort();
    eprintln!("started and ended after {waits:?}, while {left} others were pending");
    assert!(left > PENDING as u64 / 2, "only {left} were left: nothing was shown");
    assert!(waits[TRIES / 2] < Duration::from_secs(1), "{waits:?}");
}

fn in_other(server: &Server, token: &str, query: &str, variables: Value) -> Value {
    let answer = server.post_in(Some("other"), token, &json!({"query": query, "variables": variables})).1;
    assert!(answer.get("errors").is_none(), "{answer:#}");
    answer["data"].clone()
}

/// How long the other organization waits for the end of a job.
fn wait_of_one(server: &Server, token: &str) -> Duration {
    let began = Instant::now();
    let run = "mutation { runJob(input: {job: \"quick\", records: [{}]}) { jobResult { id } userErrors { message } } }";
    let id = in_other(server, token, run, json!({}))["runJob"]["jobResult"]["id"].clone();
    let status = || in_other(server, token, "query($id: ID!) { jobResult(id: $id) { status } }", json!({"id": id}));
    loop {
        match status()["jobResult"]["status"].as_str() {
            Some("SUCCESS") => return began.elapsed(),
            Some("PENDING" | "RUNNING") => std::thread::sleep(Duration::from_millis(2)),
            other => panic!("it ended as {other:?}"),
        }
        assert!(began.elapsed() < Duration::from_secs(60), "it starves");
    }
}

/// Starts the long job very often, straight at the store.
async fn fill(folder: &Path) {
    let store = Arc::new(Store::open_sqlite(folder.join("ropewalk.db")).await.expect("a store"));
    let organization = store.by_key(DEFAULT_ORGANIZATION).await.expect("a store").expect("the first organization");
    let scope = Access::of_operator(organization, "tester").scope();
    let starts = futures_util::stream::iter(0..PENDING).map(|_| store.start(scope, start()));
    starts.buffer_unordered(512).for_each(|started| async move { drop(started.expect("a start")) }).await;
    store.close().await;
}

fn start() -> NewResult {
    let now = SystemClock.now();
    NewResult {
        id: ResultId(uuid::Uuid::now_v7()),
        job: "long".to_owned(),
        version: 1,
        templates: Vec::new(),
        title: None,
        started_by: "tester".to_owned(),
        dry_run: false,
        queue: DEFAULT_QUEUE.to_owned(),
        priority: 0,
        overlap: Overlap::Allow,
        idempotency: None,
        retry: None,
        notification_of: None,
        scheduled: None,
        started_from: None,
        depth: 0,
        ended_at_start: None,
        arguments: serde_json::Map::new(),
        since: None,
        records: vec![json!({"n": 1})],
        now,
        created_at: now,
    }
}
