//! Jobs that are changed in part, switched on and off, and deleted.

use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::harness::{Harness, harness};
use crate::model::status::Status;
use crate::model::webhook::Takes;
use crate::ports::jobs::{DeleteError, SavedJob};
use crate::runtime::jobs::SaveJobError;
use crate::runtime::retry::{Retry, RetryError};
use crate::runtime::scheduler::Scheduler;
use crate::runtime::start::StartError;
use crate::runtime::webhooks::NewWebhook;

fn job() -> Value {
    json!({"key": "job", "priority": 5, "lines": [{"action": "pass"}], "schedules": [{"key": "x", "interval": "1m"}]})
}

impl Harness {
    async fn update(&self, changes: Value, edits: Option<u32>) -> Result<SavedJob, SaveJobError> {
        self.engine.update_job(&self.access, "job", changes.as_object().unwrap(), edits).await
    }

    async fn newest(&self) -> SavedJob {
        self.engine.jobs.find(self.access.scope(), "job", None).await.unwrap().unwrap()
    }

    async fn delete(&self, kill_open: bool) -> Result<u64, DeleteError> {
        self.engine.delete_job(&self.access, "job", None, kill_open).await
    }
}

/// The faults as text.
fn told(refused: Result<SavedJob, SaveJobError>) -> Vec<String> {
    let Err(SaveJobError::Faults(faults)) = refused else { panic!("{refused:?}") };
    faults.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn what_is_not_named_stays_and_null_removes_a_field() {
    let harness = harness().await;
    harness.save(job()).await;
    let changed = harness.update(json!({"name": "New", "priority": null, "timeout": "2h"}), Some(1)).await.unwrap();
    let mut expected = job();
    expected.as_object_mut().unwrap().shift_remove("priority");
    (expected["name"], expected["timeout"]) = (json!("New"), json!("2h"));
    assert_eq!((changed.version, changed.name.as_str(), &changed.document), (2, "New", &expected));
    assert_eq!(harness.newest().await, changed);
    assert_eq!(harness.update(json!({"name": "New"}), None).await.unwrap().version, 2, "no difference, no version");
    let lines = json!([{"action": "idle"}]);
    assert_eq!(harness.update(json!({"lines": lines}), None).await.unwrap().document["lines"], lines);
    let schedule = harness.engine.schedules.find_schedule(harness.access.scope(), "job", "x").await.unwrap();
    assert!(schedule.is_some());
    harness.update(json!({"schedules": null}), None).await.unwrap();
    assert_eq!(harness.engine.schedules.find_schedule(harness.access.scope(), "job", "x").await.unwrap(), None);
}

#[tokio::test]
async fn wrong_changes_are_refused_with_their_paths_in_the_job() {
    let harness = harness().await;
    harness.save(job()).await;
    let misspelt =
        told(harness.update(json!({"priorty": 1, "timeot": null, "lines": [{"action": "pas"}]}), None).await);
    let expected = [
        "priorty: there is no field `priorty` here; did you mean `priority`?",
        "timeot: there is no field `timeot` here; did you mean `timeout`?",
        "lines[0].action: there is no action `pas`; did you mean `pass`?",
    ];
    assert_eq!(misspelt, expected);
    assert_eq!(told(harness.update(json!({"lines": null}), None).await), ["`lines` is missing"]);
    for key in [json!("other"), json!(null)] {
        assert!(told(harness.update(json!({"key": key}), None).await)[0].starts_with("key: the key of a job cannot"));
    }
    assert_eq!(harness.update(json!({"key": "job", "priority": 6}), None).await.unwrap().version, 2);
    let late = harness.update(json!({"priority": 7}), Some(1)).await;
    assert!(matches!(&late, Err(SaveJobError::Conflict { edited: 1, newest }) if newest.version == 2), "{late:?}");
    let absent = harness.engine.set_job_active(&harness.access, "jo", true).await;
    assert!(matches!(absent, Err(SaveJobError::Absent)), "{absent:?}");
}

#[tokio::test]
async fn changes_at_the_same_time_are_all_made() {
    let harness = harness().await;
    harness.save(job()).await;
    let (name, timeout, active) = tokio::join!(
        harness.update(json!({"name": "New"}), None),
        harness.update(json!({"timeout": "2h"}), None),
        harness.engine.set_job_active(&harness.access, "job", false),
    );
    assert!(name.is_ok() && timeout.is_ok() && active.is_ok());
    let newest = harness.newest().await;
    let document = &newest.document;
    assert_eq!((newest.version, &document["name"], &document["timeout"]), (4, &json!("New"), &json!("2h")));
    assert_eq!(document["active"], json!(false));
}

#[tokio::test]
async fn an_inactive_job_is_not_started_by_its_schedules() {
    let harness = harness().await;
    harness.save(job()).await;
    let set = async |active| harness.engine.set_job_active(&harness.access, "job", active).await.unwrap();
    assert_eq!(set(true).await.version, 1, "it is active already");
    let inactive = set(false).await;
    assert_eq!((inactive.version, &inactive.document["active"]), (2, &json!(false)));
    let mut scheduler = Scheduler::new(Arc::clone(&harness.engine));
    harness.clock.advance(TimeDelta::seconds(90));
    scheduler.step().await.unwrap();
    assert!(harness.step().await.is_none(), "it is inactive");
    assert_eq!(set(true).await.version, 3);
    harness.clock.advance(TimeDelta::seconds(60));
    scheduler.step().await.unwrap();
    assert!(harness.step().await.is_some());
}

#[tokio::test]
async fn nothing_starts_or_retries_a_deleted_job() {
    let harness = harness().await;
    harness.save(json!({"key": "job", "lines": [{"action": "fail"}], "schedules": job()["schedules"]})).await;
    let new = NewWebhook { job: "job".into(), key: "shop".into(), takes: Takes::Records, signed: false };
    let webhook = harness.engine.create_webhook(&harness.access, new).await.unwrap();
    let mut scheduler = Scheduler::new(Arc::clone(&harness.engine));
    let failed = harness.start(json!({}), json!([])).await.unwrap();
    harness.step().await.unwrap();
    assert_eq!(harness.delete(false).await.unwrap(), 0);
    harness.clock.advance(TimeDelta::seconds(90));
    assert_eq!(scheduler.step().await.unwrap(), None, "no schedule is left");
    assert!(harness.step().await.is_none());
    assert!(harness.engine.open_webhook(&webhook.token).await.unwrap().is_none());
    let start = harness.start(json!({}), json!([])).await;
    assert!(matches!(start, Err(StartError::UnknownJob(_))), "{start:?}");
    for newest in [false, true] {
        let retry = harness.engine.retry(&harness.access, failed.id, Retry { newest, ..Retry::default() }).await;
        let Err(RetryError::Nothing(message)) = retry else { panic!("{retry:?}") };
        assert!(message.starts_with("The job `job` was deleted, and version 1 with it"), "{message}");
    }
    let kept = harness.engine.results.find(harness.access.scope(), failed.id).await.unwrap();
    assert_eq!(kept.unwrap().status, Status::Error);
    assert!(matches!(harness.delete(false).await, Err(DeleteError::Absent)));
}

#[tokio::test]
async fn open_results_are_killed_when_that_is_wanted() {
    let harness = harness().await;
    harness.save(job()).await;
    let pending = harness.start(json!({}), json!([])).await.unwrap();
    let refused = harness.delete(false).await;
    assert!(matches!(refused, Err(DeleteError::Open(1))), "{refused:?}");
    let mut changes = harness.engine.notices.listen();
    assert_eq!(harness.delete(true).await.unwrap(), 1);
    let killed = harness.engine.results.find(harness.access.scope(), pending.id).await.unwrap().unwrap();
    let message = format!("Killed by {}, who deleted the job.", harness.access.who);
    assert_eq!((killed.status, killed.message), (Status::Killed, message));
    assert_eq!(changes.recv().await.unwrap().result, pending.id, "watchers learn of it");
}

#[tokio::test]
async fn a_start_that_came_just_before_the_deletion_says_what_happened() {
    let harness = harness().await;
    harness.save(job()).await;
    let access = &harness.access;
    let start = crate::runtime::start::Start { job: "job".into(), ..Default::default() };
    let accepted = harness.engine.accept(access, start).await.unwrap();
    harness.delete(false).await.unwrap();
    harness.engine.begin_result(access, accepted).await.unwrap();
    // Another node has not read the job before.
    let restarted = crate::runtime::engine::Engine { ready: Arc::default(), ..(*harness.engine).clone() };
    let harness = Harness { engine: Arc::new(restarted), ..harness };
    let ended = harness.step().await.unwrap().result;
    let message = "The job `job` was deleted, so its version 1 cannot be run.";
    assert_eq!((ended.status, ended.message.as_str()), (Status::Error, message));
}

#[tokio::test]
async fn since_begins_anew_with_a_new_job() {
    let harness = harness().await;
    let last = async || harness.start(json!({}), json!([])).await.unwrap().since;
    harness.perform(job(), json!([])).await;
    assert!(last().await.is_some());
    harness.step().await.unwrap();
    harness.delete(false).await.unwrap();
    harness.save(job()).await;
    assert_eq!(harness.newest().await.version, 2);
    assert_eq!(last().await, None);
    harness.step().await.unwrap();
    assert!(last().await.is_some());
}
