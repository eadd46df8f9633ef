//! Jobs that start by themselves, on a clock that is moved by hand. It begins at 2026-11-20T09:30:00Z, which is
//! half past ten in Madrid.

mod changing;
mod clocks;
mod waking;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::harness::{Harness, all, harness, refusal};
use engine::background::scheduler::Scheduler;
use engine::execution::start::{Cause, Start};
use engine::model::Instant;
use engine::model::refusal::RefusalCode;
use engine::model::result::JobResult;
use engine::model::status::Status;
use engine::ports::Page;
use engine::ports::clock::Clock;
use engine::ports::queues::QueueSetting;
use engine::ports::results::ResultFilter;

impl Harness {
    fn scheduler(&self) -> Scheduler {
        self.engine.scheduler()
    }

    async fn save_with(&self, schedules: Value) {
        let lines = json!([{"action": "pass"}]);
        self.save(json!({"key": "job", "overlap": "allow", "lines": lines, "schedules": schedules})).await;
    }

    /// All results of all jobs, oldest first.
    async fn results(&self) -> Vec<JobResult> {
        let page = Page { before: None, limit: 1000 };
        let listed = self.stores.history.list(self.access.scope(), &ResultFilter::default(), page).await.unwrap();
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
async fn the_instants_of_a_deactivated_organization_pass() {
    let harness = harness().await;
    harness.save_with(json!([{"key": "often", "interval": "10m"}])).await;
    let mut scheduler = harness.scheduler();
    scheduler.step().await.unwrap();
    for active in [true, false, true] {
        harness.set_organization_active(active).await;
        harness.pass(600);
        scheduler.step().await.unwrap();
    }
    assert_eq!(harness.started().await, ["often 09:40:00 pending", "often 10:00:00 pending"]);
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
    let queue = QueueSetting { key: "gone".into(), global: false, limit: None };
    harness.engine.queues().save(&harness.access, &queue).await.unwrap();
    let (lines, schedules) = (json!([{"action": "pass"}]), json!([{"key": "x", "interval": "1m"}]));
    harness.save(json!({"key": "job", "queue": "gone", "lines": lines, "schedules": schedules})).await;
    // The queue that the job names is removed under it.
    harness.engine.queues().remove(&harness.access, "gone", false).await.unwrap();
    let mut scheduler = harness.scheduler();
    harness.pass(60);
    scheduler.step().await.unwrap();
    let results = harness.results().await;
    assert_eq!((results.len(), results[0].status), (1, Status::Error));
    assert!(results[0].message.starts_with("Could not be started: queue: "), "{}", results[0].message);
    let metrics = harness.engine.encode_metrics().await;
    assert!(metrics.contains("ropewalk_schedule_starts_failed_total 1"), "{metrics}");
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
    harness.engine.results().kill(&harness.access, running.id, None).await.unwrap();
    let again = refusal(harness.engine.results().kill(&harness.access, running.id, None).await);
    assert_eq!(again.code, RefusalCode::AlreadyFinished);
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
async fn jobs_that_start_one_another_come_to_an_end() {
    let harness = harness().await;
    harness.save_with(json!([])).await;
    let mut before = harness.start(json!({}), json!([])).await.unwrap();
    for depth in 1..10 {
        let cause = Cause::Line { result: before.id, depth: before.depth };
        let start = Start { job: "job".into(), cause, ..Start::default() };
        let next = harness.engine.jobs().start(&harness.access, start).await.unwrap();
        assert_eq!((next.depth, next.started_from), (depth, Some(before.id)));
        before = next;
    }
    let cause = Cause::Line { result: before.id, depth: before.depth };
    let start = Start { job: "job".into(), cause, ..Start::default() };
    let eleventh = refusal(harness.engine.jobs().start(&harness.access, start).await);
    assert_eq!((eleventh.code, eleventh.path.as_str()), (RefusalCode::Invalid, "job"));
    assert!(eleventh.message.starts_with("Jobs may start one another in a chain of at most 10"), "{eleventh}");
}
