//! Jobs that start by themselves, on a clock that is moved by hand. It begins at 2026-11-20T09:30:00Z, which is
//! half past ten in Madrid.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::harness::{Harness, all, harness};
use crate::model::Instant;
use crate::model::result::JobResult;
use crate::model::status::Status;
use crate::ports::Page;
use crate::ports::clock::Clock;
use crate::ports::results::{KillError, ResultFilter};
use crate::runtime::scheduler::Scheduler;
use crate::runtime::schedules::ScheduleError;
use crate::runtime::start::{Cause, Start};
use crate::runtime::worker::Worker;

impl Harness {
    fn scheduler(&self) -> Scheduler {
        Scheduler::new(Arc::clone(&self.engine))
    }

    async fn save_with(&self, schedules: Value) {
        let lines = json!([{"action": "pass"}]);
        self.save(json!({"key": "job", "overlap": "allow", "lines": lines, "schedules": schedules})).await;
    }

    /// All results of all jobs, oldest first.
    async fn results(&self) -> Vec<JobResult> {
        let page = Page { before: None, limit: 1000 };
        let listed = self.engine.results.list(self.access.scope(), &ResultFilter::default(), page).await.unwrap();
        listed.items.into_iter().rev().collect()
    }

    /// `schedule instant status` of every result.
    async fn started(&self) -> Vec<String> {
        let results = self.results().await.into_iter();
        let told = results.filter_map(|result| {
            let scheduled = result.scheduled?;
            Some(format!("{} {} {}", scheduled.schedule, scheduled.at.format("%H:%M:%S"), result.status))
        });
        told.collect()
    }

    fn pass(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }
}

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_job_starts_at_the_instants_of_its_schedules() {
    let harness = harness().await;
    let twice = json!([{"key": "sharp", "cron": "0,20 11 * * *"}, {"key": "often", "interval": "10m"}]);
    harness.save_with(twice).await;
    let mut scheduler = harness.scheduler();
    assert_eq!(scheduler.step().await.unwrap(), Some(at("2026-11-20T09:40:00Z")));
    assert!(harness.results().await.is_empty());
    for _ in 0..60 {
        harness.pass(60);
        scheduler.step().await.unwrap();
    }
    assert_eq!(
        harness.started().await,
        [
            "often 09:40:00 pending",
            "often 09:50:00 pending",
            "sharp 10:00:00 pending",
            "often 10:00:00 pending",
            "often 10:10:00 pending",
            "sharp 10:20:00 pending",
            "often 10:20:00 pending",
            "often 10:30:00 pending"
        ]
        .map(str::to_owned),
        "eleven in Madrid is ten"
    );
}

#[tokio::test]
async fn a_scheduled_start_means_the_instant_it_was_due() {
    let harness = harness().await;
    let parameters = json!({"due": "$<scheduledAt>", "today": "$<today>", "by": "$<startedBy>", "n": "$<args.n>"});
    harness
        .save(json!({
            "key": "job",
            "arguments": {"properties": {"n": {"type": "integer"}}},
            "lines": [{"action": "echo", "parameters": parameters}],
            "schedules": [{"key": "late", "at": "2026-11-20T23:59", "arguments": {"n": 7}}]
        }))
        .await;
    let mut scheduler = harness.scheduler();
    // It was up the whole time, only late.
    harness.pass(13 * 3600 + 31 * 60);
    scheduler.step().await.unwrap();
    let performed = harness.step().await.unwrap();
    let expected = json!({"due": "2026-11-20T23:59:00+01:00", "today": "2026-11-20", "by": "schedule late", "n": 7});
    assert_eq!(all(&performed), [expected]);
    assert_eq!(performed.result.created_at, harness.clock.now());
}

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
async fn overlap_is_as_the_job_says_and_else_skips() {
    let harness = harness().await;
    let job = |overlap: Option<&str>| {
        let mut job =
            json!({"key": "job", "lines": [{"action": "pass"}], "schedules": [{"key": "x", "interval": "1m"}]});
        if let Some(overlap) = overlap {
            job["overlap"] = json!(overlap);
        }
        job
    };
    harness.save(job(None)).await;
    let mut scheduler = harness.scheduler();
    harness.pass(60);
    scheduler.step().await.unwrap();
    harness.pass(60);
    scheduler.step().await.unwrap();
    assert_eq!(harness.started().await, ["x 09:31:00 pending", "x 09:32:00 info"]);
    harness.save(job(Some("queue"))).await;
    harness.pass(60);
    scheduler.step().await.unwrap();
    harness.save(job(Some("replace"))).await;
    harness.pass(60);
    scheduler.step().await.unwrap();
    let expected = ["x 09:31:00 killed", "x 09:32:00 info", "x 09:33:00 killed", "x 09:34:00 pending"];
    assert_eq!(harness.started().await, expected);
}

#[tokio::test]
async fn a_start_that_cannot_be_made_leaves_a_result_that_says_why() {
    let harness = harness().await;
    harness.save_with(json!([{"key": "x", "interval": "1m"}])).await;
    // As if the queue that a job names had been removed under it.
    let saved = harness.engine.jobs.find(harness.access.scope(), "job", None).await.unwrap().unwrap();
    let mut document = saved.document.clone();
    document["queue"] = json!("gone");
    let job = harness.engine.read_job(harness.access.scope(), &saved).await.unwrap().unwrap();
    let version = crate::ports::jobs::NewVersion {
        key: saved.key.clone(),
        name: saved.name.clone(),
        schedules: harness.engine.schedules_to_save(&harness.access, &job, &document).await.unwrap().unwrap(),
        document,
        pins: saved.pins,
        edits: None,
        saved_at: harness.clock.now(),
        saved_by: "tester".into(),
    };
    harness.engine.jobs.save(harness.access.scope(), version).await.unwrap();
    let mut scheduler = harness.scheduler();
    harness.pass(60);
    scheduler.step().await.unwrap();
    let results = harness.results().await;
    assert_eq!((results.len(), results[0].status), (1, Status::Error));
    assert!(results[0].message.starts_with("Could not be started: queue: "), "{}", results[0].message);
    let metrics = harness.engine.figures.text();
    assert!(metrics.contains("ropewalk_schedule_starts_failed_total 1"), "{metrics}");
}

#[tokio::test]
async fn jobs_and_schedules_that_are_inactive_start_nothing() {
    let harness = harness().await;
    let schedules = json!([{"key": "x", "interval": "1m"}, {"key": "off", "interval": "1m", "active": false}]);
    let lines = json!([{"action": "pass"}]);
    harness.save(json!({"key": "job", "active": false, "lines": lines, "schedules": schedules})).await;
    let mut scheduler = harness.scheduler();
    harness.pass(600);
    assert_eq!(scheduler.step().await.unwrap(), None);
    harness.start(json!({}), json!([])).await.unwrap();
    harness.save(json!({"key": "job", "overlap": "allow", "lines": lines, "schedules": schedules})).await;
    scheduler.step().await.unwrap();
    assert!(harness.started().await.is_empty(), "what passed meanwhile was not missed");
    harness.pass(60);
    scheduler.step().await.unwrap();
    assert_eq!(harness.started().await, ["x 09:41:00 pending"]);
}

#[tokio::test]
async fn a_schedule_after_completion_counts_from_the_end() {
    let harness = harness().await;
    harness.save_with(json!([{"key": "x", "interval": "1m", "after": "completion"}])).await;
    let mut scheduler = harness.scheduler();
    harness.pass(60);
    assert_eq!(scheduler.step().await.unwrap(), None);
    harness.pass(300);
    assert_eq!(scheduler.step().await.unwrap(), None, "it has not ended");
    harness.step().await.unwrap();
    assert_eq!(scheduler.step().await.unwrap(), Some(at("2026-11-20T09:37:00Z")));
    harness.pass(60);
    scheduler.step().await.unwrap();
    let running = harness.results().await.pop().unwrap();
    harness.engine.kill(&harness.access, running.id, None).await.unwrap();
    assert!(matches!(harness.engine.kill(&harness.access, running.id, None).await, Err(KillError::Ended(_))));
    assert_eq!(scheduler.step().await.unwrap(), Some(at("2026-11-20T09:38:00Z")));
}

#[tokio::test]
async fn executions_and_the_end_are_kept_to() {
    let harness = harness().await;
    let schedules = json!([
        {"key": "three", "interval": "1m", "executions": 3},
        {"key": "until", "interval": "1m", "endAt": "2026-11-20T09:32:00Z"},
        {"key": "from", "interval": "1m", "startAt": "2026-11-20T09:34:30Z"}
    ]);
    harness.save_with(schedules).await;
    let mut scheduler = harness.scheduler();
    for _ in 0..5 {
        harness.pass(60);
        scheduler.step().await.unwrap();
    }
    let started = harness.started().await;
    let count = |key: &str| started.iter().filter(|told| told.starts_with(key)).count();
    assert_eq!((count("three"), count("until"), count("from")), (3, 2, 1), "{started:?}");
}

#[tokio::test]
async fn a_schedule_is_changed_in_its_job() {
    let harness = harness().await;
    harness.save_with(json!([{"key": "x", "interval": "1m"}])).await;
    let (engine, access) = (&harness.engine, &harness.access);
    let saved = engine.save_schedule(access, "job", json!({"key": "y", "cron": "@daily"}), None).await.unwrap();
    assert_eq!((saved.schedule.key.as_str(), saved.position.next), ("y", Some(at("2026-11-20T23:00:00Z"))));
    engine.save_schedule(access, "job", json!({"key": "x", "interval": 5000}), Some(2)).await.unwrap();
    let job = engine.jobs.find(access.scope(), "job", None).await.unwrap().unwrap();
    assert_eq!(job.version, 3);
    assert_eq!(job.document["schedules"], json!([{"key": "x", "interval": 5000}, {"key": "y", "cron": "@daily"}]));
    assert_eq!(job.document["lines"], json!([{"action": "pass"}]), "all else stays");
    let late = engine.save_schedule(access, "job", json!({"key": "x", "interval": 6000}), Some(2)).await;
    assert!(matches!(late, Err(ScheduleError::Conflict { edited: 2, newest: 3 })), "{late:?}");
    engine.delete_schedule(access, "job", "y", None).await.unwrap();
    let absent = engine.delete_schedule(access, "job", "xx", None).await.unwrap_err().to_string();
    assert_eq!(absent, "The job `job` has no schedule `xx`; did you mean `x`?");
    let unknown = engine.save_schedule(access, "jo", json!({"key": "x", "interval": 6000}), None).await;
    assert!(matches!(unknown, Err(ScheduleError::UnknownJob(_))), "{unknown:?}");
}

#[tokio::test]
async fn what_would_never_start_is_refused() {
    let harness = harness().await;
    harness.save_with(json!([])).await;
    let told = async |schedule: Value| match harness.engine.save_schedule(&harness.access, "job", schedule, None).await
    {
        Err(ScheduleError::Faults(faults)) => faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        other => panic!("{other:?}"),
    };
    let past = json!({"key": "x", "at": "2026-11-20T10:00:00+01:00"});
    assert!(told(past.clone()).await.starts_with("would never start anything"));
    assert!(
        told(json!({"key": "x", "cron": "@hourly", "endAt": "2026-11-19"})).await.contains("all its instants are past")
    );
    assert!(told(json!({"key": "x", "cron": "0 0 30 2 *"})).await.starts_with("cron: `0 0 30 2 *` never comes"));
    assert!(told(json!({"key": "x", "interval": "1m", "arguments": 5})).await.starts_with("arguments: "));
    // In Madrid, where the organization is, ten o'clock is past.
    assert!(told(json!({"key": "x", "at": "2026-11-20T10:00"})).await.starts_with("would never start anything"));
    let kept = json!({"key": "x", "at": "2026-11-20T10:00:00+01:00", "active": false});
    harness.engine.save_schedule(&harness.access, "job", kept, None).await.unwrap();
    let soon = json!([{"key": "soon", "at": "2026-11-20T09:31:00Z"}]);
    harness.save_with(soon.clone()).await;
    harness.pass(600);
    let lines = json!([{"action": "pass"}, {"action": "pass"}]);
    harness.save(json!({"key": "job", "lines": lines, "schedules": soon})).await;
}

#[tokio::test]
async fn a_sweep_finds_what_is_not_armed() {
    let harness = harness().await;
    let schedules = json!([{"key": "x", "interval": "1m"}, {"key": "y", "interval": "1m", "after": "completion"}]);
    harness.save_with(schedules).await;
    let mut scheduler = harness.scheduler();
    let swept = harness.engine.look_at_schedules().await.unwrap();
    assert_eq!((swept.active, swept.repaired), (2, 0));
    for key in ["x", "y"] {
        let scope = harness.access.scope();
        let saved = harness.engine.schedules.find_schedule(scope, "job", key).await.unwrap().unwrap();
        let lost = crate::model::schedule::Position { next: None, ..saved.position };
        assert!(harness.engine.schedules.rearm(&saved, lost).await.unwrap());
    }
    assert_eq!(scheduler.step().await.unwrap(), None, "nobody would start them");
    let swept = harness.engine.look_at_schedules().await.unwrap();
    assert_eq!((swept.active, swept.repaired), (2, 2));
    assert_eq!(scheduler.step().await.unwrap(), Some(at("2026-11-20T09:31:00Z")));
    assert_eq!(harness.engine.look_at_schedules().await.unwrap().repaired, 0);
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
    let sweep = async || harness.engine.look_at_schedules().await.unwrap();
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
async fn a_clock_that_was_years_ahead_silences_nothing() {
    let harness = harness().await;
    harness.save_with(json!([{"key": "x", "interval": "10m"}])).await;
    let mut scheduler = harness.scheduler();
    let years = TimeDelta::days(4 * 365);
    harness.clock.jump(years);
    scheduler.step().await.unwrap();
    harness.clock.jump(-years);
    assert!(scheduler.step().await.unwrap() > Some(at("2030-01-01T00:00:00Z")), "it would rest for years");
    assert_eq!(harness.engine.look_at_schedules().await.unwrap().repaired, 1);
    assert_eq!(scheduler.step().await.unwrap(), Some(at("2026-11-20T09:40:00Z")));
    harness.pass(600);
    scheduler.step().await.unwrap();
    assert_eq!(harness.started().await.last().unwrap(), "x 09:40:00 pending");
    assert_eq!(harness.engine.look_at_schedules().await.unwrap().repaired, 0);
}

#[tokio::test]
async fn a_job_with_a_schedule_that_is_over_is_switched_off_and_on() {
    let harness = harness().await;
    let job = |active: bool| {
        let schedules = json!([{"key": "once", "at": "2026-11-20T09:31:00Z"}, {"key": "x", "interval": "1m"}]);
        json!({"key": "job", "active": active, "lines": [{"action": "pass"}], "schedules": schedules})
    };
    harness.save(job(true)).await;
    harness.pass(3600);
    harness.save(job(false)).await;
    harness.save(job(true)).await;
}

#[tokio::test]
async fn a_change_wakes_the_scheduler() {
    let harness = harness().await.on_the_systems_clock();
    let stop = CancellationToken::new();
    let working = tokio::spawn(harness.scheduler().work(stop.clone()));
    tokio::task::yield_now().await;
    harness.save_with(json!([{"key": "x", "interval": 100, "executions": 2}])).await;
    let mut started = harness.engine.notices.listen();
    for _ in 0..2 {
        tokio::time::timeout(Duration::from_secs(60), started.recv()).await.expect("a start").unwrap();
    }
    stop.cancel();
    working.await.unwrap();
    assert_eq!(harness.results().await.len(), 2);
    let performed = Worker::new(Arc::clone(&harness.engine), 2).step().await.unwrap().unwrap();
    assert_eq!(performed.result.status, Status::Info, "it had no records");
}

#[tokio::test]
async fn an_end_wakes_the_scheduler_that_waits_for_it() {
    let harness = harness().await.on_the_systems_clock();
    let stop = CancellationToken::new();
    harness.save_with(json!([{"key": "x", "interval": 100, "after": "completion", "executions": 3}])).await;
    let working = tokio::spawn(harness.scheduler().work(stop.clone()));
    let worker = tokio::spawn(Worker::new(Arc::clone(&harness.engine), 1).work(stop.clone(), Duration::ZERO));
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

#[tokio::test]
async fn jobs_that_start_one_another_come_to_an_end() {
    let harness = harness().await;
    harness.save_with(json!([])).await;
    let mut before = harness.start(json!({}), json!([])).await.unwrap();
    for depth in 1..10 {
        let cause = Cause::Line { result: before.id, depth: before.depth };
        let start = Start { job: "job".into(), cause, ..Start::default() };
        let next = harness.engine.start(&harness.access, start).await.unwrap();
        assert_eq!((next.depth, next.started_from), (depth, Some(before.id)));
        before = next;
    }
    let cause = Cause::Line { result: before.id, depth: before.depth };
    let eleventh = harness.engine.start(&harness.access, Start { job: "job".into(), cause, ..Start::default() }).await;
    let told = eleventh.unwrap_err().to_string();
    assert!(told.starts_with("the job would be the 11th in a row"), "{told}");
}
