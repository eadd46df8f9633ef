//! How long things take with much in the store. Measures, not tests: they are run by hand, with
//! `cargo nextest run -p ropewalk-schema --run-ignored only --no-capture speed`.

use std::time::Instant;

use engine::model::fairness::Capacity;
use engine::model::lifecycle::retention::Retention;
use engine::model::organization::OrgScope;
use engine::model::status::Status;
use engine::ports::queue::{Claim, Finish, Leases, Queue};
use engine::ports::results::{Endings, Starts};
use futures_util::stream::{self, StreamExt};
use sea_orm::{ConnectionTrait, Database};
use suite::samples::{self, at, finish, line, node};

use super::DatabaseFolder;
use crate::Store;

/// So many starts, of which so many wait for an answer at a time.
async fn start(store: &Store, scope: OrgScope, numbers: std::ops::Range<u128>) {
    let starts = numbers.map(|number| store.start(scope, samples::start(number, &format!("job-{}", number % 50))));
    stream::iter(starts).buffer_unordered(256).for_each(async |started| drop(started.unwrap())).await;
}

/// Claims and ends all that waits; says how much it was.
async fn work(store: &Store, slots: u32) -> usize {
    let mut done = 0;
    loop {
        let claim = Claim { node: node(1), capacity: Capacity { slots, spare: 4 }, now: at(50) };
        let claimed = store.claim(claim).await.unwrap().claimed;
        if claimed.is_empty() {
            return done;
        }
        done += claimed.len();
        let ends = claimed.into_iter().map(|one| {
            let mut end: Finish = finish(Status::Success);
            end.notes.lines = [10, 20, 30].map(|line_no| line(line_no, Status::Success)).to_vec();
            store.finish(one.lease, end)
        });
        stream::iter(ends).buffer_unordered(256).for_each(async |ended| drop(ended.unwrap())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measure"]
async fn jobs_from_start_to_finish() {
    let folder = DatabaseFolder::new();
    let store = folder.store().await;
    let scope = samples::scope(&store, 1, "acme").await;
    for round in 0..3 {
        let began = Instant::now();
        start(&store, scope, round * 10_000..(round + 1) * 10_000).await;
        let started = began.elapsed();
        let done = work(&store, 64).await;
        let all = began.elapsed();
        println!("{done} jobs: started in {started:.2?}, all in {all:.2?}: {:.0}/s", done as f64 / all.as_secs_f64());
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measure"]
async fn claims_with_much_in_the_store() {
    let folder = DatabaseFolder::new();
    let path = folder.folder.path().join("much.db");
    let store = Store::open_sqlite(&path).await.unwrap();
    let scope = samples::scope(&store, 1, "acme").await;
    start(&store, scope, 0..1).await;
    work(&store, 1).await;
    let db = Database::connect(format!("sqlite:{}", path.display())).await.unwrap();
    let copies = "INSERT INTO job_results SELECT organization_id, randomblob(16), job_key, version, title, status, \
        message, started_by, arguments, since, created_at, started_at, finished_at, attempt, records_in, records_out, \
        records_rejected, modules, dry_run, queue, priority, retry_of, root, notice_of, now, templates, failed_line \
        FROM job_results";
    for _ in 0..20 {
        db.execute_unprepared(copies).await.unwrap();
    }
    start(&store, scope, 1000..101_000).await;
    let other = samples::scope(&store, 2, "globex").await;
    start(&store, other, 0..20).await;
    for slots in [0, 1, 16, 64] {
        let began = Instant::now();
        let mut taken = 0;
        for _ in 0..20 {
            let claim = Claim { node: node(1), capacity: Capacity { slots, spare: 0 }, now: at(50) };
            taken += store.claim(claim).await.unwrap().claimed.len();
        }
        println!("a claim of {slots}: {:.2?} ({taken} taken in 20)", began.elapsed() / 20);
    }
    let began = Instant::now();
    let keep = Retention { age: std::time::Duration::from_secs(1), results: 10_000_000 };
    store.prune(keep, at(100_000_000)).await.unwrap();
    println!("a step of pruning that finds nothing: {:.2?}", began.elapsed());
    let began = Instant::now();
    store.prune(Retention { results: 1000, ..keep }, at(100_000_000)).await.unwrap();
    println!("a step of pruning: {:.2?}", began.elapsed());
    let began = Instant::now();
    store.last_success(scope, "job-0").await.unwrap();
    println!("the last success among a million: {:.2?}", began.elapsed());
}
