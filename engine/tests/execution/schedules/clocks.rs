//! Starts that were missed, came late, or were seen by clocks that jump.

use chrono::TimeDelta;
use serde_json::json;

use crate::harness::harness;
use crate::schedules::at;
use engine::model::status::Status;
use engine::ports::clock::Clock;

#[tokio::test]
async fn what_was_missed_is_made_up_for_as_the_schedule_says() {
    for (missed, expected) in [
        ("latest", vec!["x 10:20:00 pending", "x 10:10:00 info"]),
        (
            "all",
            vec![
                "x 09:40:00 pending",
                "x 09:50:00 pending",
                "x 10:00:00 pending",
                "x 10:10:00 pending",
                "x 10:20:00 pending",
            ],
        ),
        ("none", vec!["x 10:20:00 info"]),
    ] {
        let harness = harness().await;
        harness.save_with(json!([{"key": "x", "interval": "10m", "missed": missed}])).await;
        harness.pass(55 * 60);
        let next = harness.scheduler().step().await.unwrap();
        assert_eq!(harness.started().await, expected, "{missed}");
        assert_eq!(next, Some(at("2026-11-20T10:30:00Z")), "{missed}");
        if let Some(told) = harness.results().await.iter().find(|result| result.status == Status::Info) {
            let count = if missed == "none" { 5 } else { 4 };
            let beginning = format!("Missed {count} starts from 2026-11-20T10:40:00+01:00 to ");
            assert!(told.message.starts_with(&beginning), "{}", told.message);
            assert!(told.message.contains(&format!("`missed: {missed}`")), "{}", told.message);
            assert_eq!((told.started_at, told.finished_at), (None, Some(harness.clock.now())));
        }
    }
}

#[tokio::test]
async fn what_is_late_is_not_missed() {
    let harness = harness().await;
    harness.save_with(json!([{"key": "x", "interval": "1s", "missed": "none"}])).await;
    let mut scheduler = harness.scheduler();
    // As if the machine had been busy.
    harness.pass(4);
    scheduler.step().await.unwrap();
    assert_eq!(harness.started().await.len(), 4);
    assert!(harness.results().await.iter().all(|result| result.status == Status::Pending));
}

#[tokio::test]
async fn a_clock_that_jumps_forward_has_missed_what_it_jumped_over() {
    let harness = harness().await;
    harness.save_with(json!([{"key": "x", "interval": "10m"}])).await;
    let mut scheduler = harness.scheduler();
    harness.pass(600);
    scheduler.step().await.unwrap();
    harness.clock.jump(TimeDelta::hours(1));
    scheduler.step().await.unwrap();
    assert_eq!(harness.started().await, ["x 09:40:00 pending", "x 10:40:00 pending", "x 10:30:00 info"]);
    harness.pass(600);
    scheduler.step().await.unwrap();
    assert_eq!(harness.started().await.last().unwrap(), "x 10:50:00 pending");
}

#[tokio::test]
async fn a_clock_that_jumps_back_starts_nothing_twice() {
    let harness = harness().await;
    harness.save_with(json!([{"key": "x", "interval": "10m"}])).await;
    let mut scheduler = harness.scheduler();
    for _ in 0..3 {
        harness.pass(600);
        scheduler.step().await.unwrap();
    }
    harness.clock.jump(TimeDelta::minutes(-25));
    // Another node that begins now knows no better.
    let mut other = harness.scheduler();
    for _ in 0..5 {
        harness.pass(600);
        assert!(scheduler.step().await.unwrap() >= Some(at("2026-11-20T10:10:00Z")));
        other.step().await.unwrap();
    }
    let expected = ["09:40", "09:50", "10:00", "10:10", "10:20"].map(|time| format!("x {time}:00 pending"));
    let started = harness.started().await;
    assert_eq!(started, expected, "each instant once, and none is missing");
}

#[tokio::test]
async fn a_clock_that_was_years_ahead_silences_nothing() {
    let harness = harness().await;
    harness.save_with(json!([{"key": "x", "interval": "10m"}])).await;
    let mut scheduler = harness.scheduler();
    let years = TimeDelta::days(4 * 365);
    harness.clock.jump(years);
    scheduler.step().await.unwrap();
    harness.clock.jump(-years);
    assert!(scheduler.step().await.unwrap() > Some(at("2030-01-01T00:00:00Z")), "it would rest for years");
    assert_eq!(harness.engine.sweep().await.unwrap().repaired, 1);
    assert_eq!(scheduler.step().await.unwrap(), Some(at("2026-11-20T09:40:00Z")));
    harness.pass(600);
    scheduler.step().await.unwrap();
    assert_eq!(harness.started().await.last().unwrap(), "x 09:40:00 pending");
    assert_eq!(harness.engine.sweep().await.unwrap().repaired, 0);
}
