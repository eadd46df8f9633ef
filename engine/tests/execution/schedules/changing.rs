//! Schedules that are changed, switched off, and would never start anything.

use serde_json::{Value, json};

use crate::harness::{harness, refusal, told};
use crate::schedules::at;
use engine::model::refusal::RefusalCode;

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
    let (schedules, access) = (harness.engine.schedules(), &harness.access);
    let saved = schedules.save(access, "job", json!({"key": "y", "cron": "@daily"}), None).await.unwrap();
    assert_eq!((saved.schedule.key.as_str(), saved.position.next), ("y", Some(at("2026-11-20T23:00:00Z"))));
    schedules.save(access, "job", json!({"key": "x", "interval": 5000}), Some(2)).await.unwrap();
    let job = harness.stores.jobs.find(access.scope(), "job", None).await.unwrap().unwrap();
    assert_eq!(job.version, 3);
    assert_eq!(job.document["schedules"], json!([{"key": "x", "interval": 5000}, {"key": "y", "cron": "@daily"}]));
    assert_eq!(job.document["lines"], json!([{"action": "pass"}]), "all else stays");
    let late = refusal(schedules.save(access, "job", json!({"key": "x", "interval": 6000}), Some(2)).await);
    assert_eq!((late.code, late.path.as_str()), (RefusalCode::Conflict, "edits"));
    assert_eq!(late.message, "Version 2 was edited, but the job is at version 3; look at it and save again.");
    schedules.delete(access, "job", "y", None).await.unwrap();
    let absent = refusal(schedules.delete(access, "job", "xx", None).await);
    assert_eq!((absent.code, absent.path.as_str()), (RefusalCode::NotFound, "key"));
    assert_eq!(absent.message, "The job `job` has no schedule `xx`; did you mean `x`?");
    let unknown = refusal(schedules.save(access, "jo", json!({"key": "x", "interval": 6000}), None).await);
    assert_eq!((unknown.code, unknown.path.as_str()), (RefusalCode::NotFound, "job"));
    assert_eq!(unknown.message, "There is no job `jo` in this organization.");
}

#[tokio::test]
async fn what_would_never_start_is_refused() {
    let harness = harness().await;
    harness.save_with(json!([])).await;
    let told = async |schedule: Value| {
        told(harness.engine.schedules().save(&harness.access, "job", schedule, None).await).join("; ")
    };
    let past = json!({"key": "x", "at": "2026-11-20T10:00:00+01:00"});
    assert!(told(past.clone()).await.starts_with("would never start anything"));
    assert!(
        told(json!({"key": "x", "cron": "@hourly", "endAt": "2026-11-19"}))
            .await
            .contains("all its instants are in the past")
    );
    assert!(told(json!({"key": "x", "cron": "0 0 30 2 *"})).await.starts_with("cron: `0 0 30 2 *` never occurs"));
    assert!(told(json!({"key": "x", "interval": "1m", "arguments": 5})).await.starts_with("arguments: "));
    // In Madrid, where the organization is, ten o'clock is past.
    assert!(told(json!({"key": "x", "at": "2026-11-20T10:00"})).await.starts_with("would never start anything"));
    let kept = json!({"key": "x", "at": "2026-11-20T10:00:00+01:00", "active": false});
    harness.engine.schedules().save(&harness.access, "job", kept, None).await.unwrap();
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
