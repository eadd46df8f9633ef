//! Jobs that are changed in part, switched on and off, and deleted.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::harness::{Harness, harness, refusal, told};
use engine::execution::retry::Retry;
use engine::model::organization::OrgScope;
use engine::model::refusal::RefusalCode;
use engine::model::status::Status;
use engine::model::webhook::PayloadKind;
use engine::node::service_error::ServiceError;
use engine::ports::jobs::{DeleteError, Deleted, Deletion, Jobs, NewVersion, SaveError, SavedJob};
use engine::ports::stores::Stores;
use engine::ports::{Listed, StoreError};
use engine::services::webhooks::NewWebhook;

fn job() -> Value {
    json!({"key": "job", "priority": 5, "lines": [{"action": "pass"}], "schedules": [{"key": "x", "interval": "1m"}]})
}

impl Harness {
    async fn update(&self, changes: Value, edits: Option<u32>) -> Result<SavedJob, ServiceError> {
        self.engine.jobs().update(&self.access, "job", changes.as_object().unwrap(), edits).await
    }

    async fn newest(&self) -> SavedJob {
        self.stores.jobs.find(self.access.scope(), "job", None).await.unwrap().unwrap()
    }

    async fn delete(&self, kill_open: bool) -> Result<u64, ServiceError> {
        self.engine.jobs().delete(&self.access, "job", None, kill_open).await
    }
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
    let schedule = harness.stores.schedules.find_schedule(harness.access.scope(), "job", "x").await.unwrap();
    assert!(schedule.is_some());
    harness.update(json!({"schedules": null}), None).await.unwrap();
    assert_eq!(harness.stores.schedules.find_schedule(harness.access.scope(), "job", "x").await.unwrap(), None);
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
    let late = refusal(harness.update(json!({"priority": 7}), Some(1)).await);
    assert_eq!((late.code, late.path.as_str()), (RefusalCode::Conflict, "edits"));
    assert_eq!(late.message, "Version 1 was edited, but the job is at version 2; look at it and save again.");
    let absent = refusal(harness.engine.jobs().set_active(&harness.access, "jo", true).await);
    assert_eq!((absent.code, absent.path.as_str()), (RefusalCode::NotFound, "key"));
    assert_eq!(absent.message, "There is no job `jo` in this organization.");
}

#[tokio::test]
async fn changes_at_the_same_time_are_all_made() {
    let harness = harness().await;
    harness.save(job()).await;
    let jobs = harness.engine.jobs();
    let (name, timeout, active) = tokio::join!(
        harness.update(json!({"name": "New"}), None),
        harness.update(json!({"timeout": "2h"}), None),
        jobs.set_active(&harness.access, "job", false),
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
    let set = async |active| harness.engine.jobs().set_active(&harness.access, "job", active).await.unwrap();
    assert_eq!(set(true).await.version, 1, "it is active already");
    let inactive = set(false).await;
    assert_eq!((inactive.version, &inactive.document["active"]), (2, &json!(false)));
    let mut scheduler = harness.engine.scheduler();
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
    let new = NewWebhook { job: "job".into(), key: "shop".into(), takes: PayloadKind::Records, signed: false };
    let webhook = harness.engine.webhooks().create(&harness.access, new).await.unwrap();
    let mut scheduler = harness.engine.scheduler();
    let failed = harness.start(json!({}), json!([])).await.unwrap();
    harness.step().await.unwrap();
    assert_eq!(harness.delete(false).await.unwrap(), 0);
    harness.clock.advance(TimeDelta::seconds(90));
    assert_eq!(scheduler.step().await.unwrap(), None, "no schedule is left");
    assert!(harness.step().await.is_none());
    assert!(harness.engine.webhooks().open(&webhook.token).await.unwrap().is_none());
    let start = refusal(harness.start(json!({}), json!([])).await);
    assert_eq!((start.code, start.path.as_str()), (RefusalCode::NotFound, "job"));
    for newest in [false, true] {
        let retry = Retry { newest, ..Retry::default() };
        let refused = refusal(harness.engine.results().retry(&harness.access, failed.id, retry).await);
        assert_eq!((refused.code, refused.path.as_str()), (RefusalCode::Invalid, "jobResult"));
        let message = refused.message;
        assert!(message.starts_with("The job `job` was deleted, and version 1 with it"), "{message}");
    }
    let kept = harness.stores.history.find(harness.access.scope(), failed.id).await.unwrap();
    assert_eq!(kept.unwrap().status, Status::Error);
    let absent = refusal(harness.delete(false).await);
    assert_eq!((absent.code, absent.path.as_str()), (RefusalCode::NotFound, "key"));
}

#[tokio::test]
async fn open_results_are_killed_when_that_is_wanted() {
    let harness = harness().await;
    harness.save(job()).await;
    let pending = harness.start(json!({}), json!([])).await.unwrap();
    let refused = refusal(harness.delete(false).await);
    assert_eq!((refused.code, refused.path.as_str()), (RefusalCode::InUse, "key"));
    let message = "1 result of the job has not ended; wait for the end, or delete the job with `killOpen: true`.";
    assert_eq!(refused.message, message);
    let mut changes = harness.engine.events().listen();
    assert_eq!(harness.delete(true).await.unwrap(), 1);
    let killed = harness.stores.history.find(harness.access.scope(), pending.id).await.unwrap().unwrap();
    let message = format!("Killed by {}, who deleted the job.", harness.access.who);
    assert_eq!((killed.status, killed.message), (Status::Killed, message));
    assert_eq!(changes.recv().await.unwrap().result, pending.id, "watchers learn of it");
}

/// Jobs of which each is deleted as soon as somebody has read it.
struct GoneOnceRead(Arc<dyn Jobs>);

#[async_trait]
impl Jobs for GoneOnceRead {
    async fn save(&self, scope: OrgScope, version: NewVersion) -> Result<SavedJob, SaveError> {
        self.0.save(scope, version).await
    }

    async fn find(&self, scope: OrgScope, key: &str, version: Option<u32>) -> Result<Option<SavedJob>, StoreError> {
        let found = self.0.find(scope, key, version).await?;
        let deletion = Deletion { key: key.to_owned(), edits: None, kill: None };
        assert!(self.0.delete_job(scope, deletion).await.unwrap().complete);
        Ok(found)
    }

    async fn list(&self, scope: OrgScope, after: Option<&str>, limit: u32) -> Result<Listed<SavedJob>, StoreError> {
        self.0.list(scope, after, limit).await
    }

    async fn count(&self, scope: OrgScope) -> Result<u64, StoreError> {
        self.0.count(scope).await
    }

    async fn delete_job(&self, scope: OrgScope, deletion: Deletion) -> Result<Deleted, DeleteError> {
        self.0.delete_job(scope, deletion).await
    }
}

#[tokio::test]
async fn a_start_that_came_just_before_the_deletion_says_what_happened() {
    let harness = harness().await;
    harness.save(job()).await;
    let jobs = Arc::new(GoneOnceRead(harness.stores.jobs.clone()));
    let starting = harness.clone().on(Stores { jobs, ..harness.stores.clone() });
    let accepted = starting.start(json!({}), json!([])).await.unwrap();
    assert!(harness.stores.jobs.find(harness.access.scope(), "job", None).await.unwrap().is_none());
    // Another node has not read the job before.
    let ended = harness.restarted().step().await.unwrap().result;
    assert_eq!(ended.id, accepted.id);
    let message = "The job `job` was deleted, so its version 1 cannot run.";
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
