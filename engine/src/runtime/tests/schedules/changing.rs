//! Schedules that are changed, switched off, and would never start anything.

use serde_json::{Value, json};

use super::at;
use crate::runtime::schedules::ScheduleError;
use crate::runtime::tests::harness::harness;

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
