//! Who wakes the scheduler, and what the sweep finds.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::harness::harness;
use crate::schedules::at;
use engine::model::schedule::Position;
use engine::model::status::Status;
use engine::ports::clock::Clock;

#[tokio::test]
async fn a_sweep_finds_what_is_not_armed() {
    let harness = harness().await;
    let schedules = json!([{"key": "x", "interval": "1m"}, {"key": "y", "interval": "1m", "after": "completion"}]);
    harness.save_with(schedules).await;
    let mut scheduler = harness.scheduler();
    let swept = harness.engine.sweep().await.unwrap();
    assert_eq!((swept.active, swept.repaired), (2, 0));
    for key in ["x", "y"] {
        let scope = harness.access.scope();
        let saved = harness.stores.schedules.find_schedule(scope, "job", key).await.unwrap().unwrap();
        let lost = Position { next: None, ..saved.position };
        assert!(harness.stores.due_schedules.rearm(&saved, lost).await.unwrap());
    }
    assert_eq!(scheduler.step().await.unwrap(), None, "nobody would start them");
    let swept = harness.engine.sweep().await.unwrap();
    assert_eq!((swept.active, swept.repaired), (2, 2));
    assert_eq!(scheduler.step().await.unwrap(), Some(at("2026-11-20T09:31:00Z")));
    assert_eq!(harness.engine.sweep().await.unwrap().repaired, 0);
}

#[tokio::test]
async fn a_sweep_finds_nothing_wrong_with_what_is_over() {
    let harness = harness().await;
    let schedules = json!([
        {"key": "calm", "interval": "30m", "after": "completion", "endAt": "2026-11-20T10:55:00Z"},
        {"key": "twice", "interval": "1m", "executions": 2},
        {"key": "once", "at": "2026-11-20T09:31:00Z"},
        {"key": "off", "interval": "1m", "active": false}
    ]);
    harness.save_with(schedules).await;
    let mut scheduler = harness.scheduler();
    let sweep = async || harness.engine.sweep().await.unwrap();
    assert_eq!((sweep().await.active, sweep().await.repaired), (3, 0));
    for _ in 0..6 {
        harness.pass(25 * 60);
        scheduler.step().await.unwrap();
        assert_eq!(sweep().await.repaired, 0);
        while harness.step().await.is_some() {}
        assert_eq!(sweep().await.repaired, 0, "at {}", harness.clock.now());
    }
    assert_eq!(sweep().await.active, 0, "{:?}", harness.started().await);
}

#[tokio::test]
async fn a_change_wakes_the_scheduler() {
    let harness = harness().await.on_the_systems_clock();
    let stop = CancellationToken::new();
    let working = tokio::spawn(harness.scheduler().work(stop.clone()));
    tokio::task::yield_now().await;
    harness.save_with(json!([{"key": "x", "interval": 100, "executions": 2}])).await;
    let mut started = harness.engine.events().listen();
    for _ in 0..2 {
        tokio::time::timeout(Duration::from_secs(60), started.recv()).await.expect("a start").unwrap();
    }
    stop.cancel();
    working.await.unwrap();
    assert_eq!(harness.results().await.len(), 2);
    let performed = harness.engine.worker(2).step().await.unwrap().unwrap();
    assert_eq!(performed.result.status, Status::Info, "it had no records");
}

#[tokio::test]
async fn an_end_wakes_the_scheduler_that_waits_for_it() {
    let harness = harness().await.on_the_systems_clock();
    let stop = CancellationToken::new();
    harness.save_with(json!([{"key": "x", "interval": 100, "after": "completion", "executions": 3}])).await;
    let working = tokio::spawn(harness.scheduler().work(stop.clone()));
    let worker = tokio::spawn(harness.engine.worker(1).work(stop.clone(), Duration::ZERO));
    let begin = std::time::Instant::now();
    while harness.results().await.iter().filter(|result| result.status.is_final()).count() < 3 {
        assert!(begin.elapsed() < Duration::from_secs(60), "nobody was woken");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.cancel();
    working.await.unwrap();
    worker.await.unwrap();
    let instants: Vec<_> = harness.results().await.iter().map(|result| result.scheduled.clone().unwrap().at).collect();
    assert!(instants.windows(2).all(|two| two[1] - two[0] >= TimeDelta::milliseconds(100)), "{instants:?}");
}
