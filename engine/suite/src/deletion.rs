//! Deleting jobs: what is removed, what stays, and what a new job with the same key inherits.

use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use super::Stores;
use super::pruning::prune_all;
use super::samples::{
    at, claim, claim_one, ended, find, finish, id, kill, line, neighbours, new_version, note, of_job, page, scope,
    start, start_as,
};
use engine::model::lifecycle::retention::Retention;
use engine::model::notify::history_of;
use engine::model::organization::OrgScope;
use engine::model::overlap::Overlap;
use engine::model::schedule::{Schedule, ScheduleId};
use engine::model::status::Status;
use engine::model::webhook::{PayloadKind, Webhook, WebhookId};
use engine::ports::jobs::{DeleteError, Deleted, Deletion, Jobs, MOST_KILLED, NewVersion, SaveError, SavedJob};
use engine::ports::queue::LeaseError;
use engine::ports::results::{NewResult, ResultFilter};

fn deletion(key: &str) -> Deletion {
    Deletion { key: key.to_owned(), edits: None, kill: None }
}

fn killing(key: &str) -> Deletion {
    Deletion { kill: Some(kill()), ..deletion(key) }
}

async fn delete(store: &impl Stores, scope: OrgScope, key: &str) {
    let deleted = store.delete_job(scope, deletion(key)).await.expect("a deletion");
    assert_eq!(deleted, Deleted { killed: Vec::new(), complete: true });
}

async fn save(store: &impl Stores, scope: OrgScope, key: &str) -> SavedJob {
    Jobs::save(store, scope, new_version(key, json!({"of": key}), None)).await.expect("a version")
}

/// Saves a job with a schedule that is due and a webhook, both with this number.
async fn save_with_all(store: &impl Stores, scope: OrgScope, key: &str, number: u128) -> WebhookId {
    let schedule = Schedule::from_document(&json!({"key": "minutely", "interval": "1m"})).expect("a schedule");
    let schedules = vec![(ScheduleId(Uuid::from_u128(number)), schedule)];
    let version = NewVersion { schedules, ..new_version(key, json!({"of": key}), None) };
    Jobs::save(store, scope, version).await.expect("a version");
    let webhook = Webhook {
        organization: scope.organization(),
        id: WebhookId(Uuid::from_u128(number)),
        job: key.to_owned(),
        key: "shop".to_owned(),
        takes: PayloadKind::Records,
        hash: [7; 32],
        sealed: None,
        created_at: at(0),
        created_by: "ana".to_owned(),
        last_used_at: None,
    };
    store.add_webhook(scope, &webhook).await.expect("a new webhook");
    webhook.id
}

/// The jobs with a schedule that is due.
async fn due(store: &impl Stores) -> Vec<String> {
    let due = store.due(at(600), 10).await.expect("an answer");
    due.schedules.into_iter().map(|saved| saved.job).collect()
}

async fn version(store: &impl Stores, scope: OrgScope, key: &str, version: Option<u32>) -> Option<u32> {
    Jobs::find(store, scope, key, version).await.expect("an answer").map(|saved| saved.version)
}

pub async fn a_deleted_job_is_gone_and_its_results_stay(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    let gone = save_with_all(store, acme, "job", 1).await;
    let beside = save_with_all(store, acme, "job-2", 2).await;
    save_with_all(store, globex, "job", 3).await;
    store.start(acme, start(5, "job")).await.expect("a start");
    let lease = claim_one(store).await.lease;
    note(store, lease, &line(10, Status::Success)).await.expect("a line");
    store.finish(lease, finish(Status::Success)).await.expect("an end");
    let (before, lines) = (find(store, acme, 5).await, store.lines(acme, &[id(5)]).await.expect("lines"));
    delete(store, acme, "job").await;
    assert_eq!((version(store, acme, "job", None).await, version(store, acme, "job", Some(1)).await), (None, None));
    let listed = Jobs::list(store, acme, None, 9).await.expect("a page").items;
    assert_eq!(listed.iter().map(|job| job.key.as_str()).collect::<Vec<_>>(), ["job-2"]);
    assert_eq!(Jobs::count(store, acme).await.expect("a count"), 1);
    assert_eq!(due(store).await, ["job-2", "job"], "the other one is of another organization");
    assert_eq!(store.find_schedule(acme, "job", "minutely").await.expect("an answer"), None);
    assert_eq!(store.webhook(gone).await.expect("an answer"), None);
    assert!(store.webhook(beside).await.expect("an answer").is_some());
    assert_eq!(version(store, globex, "job", None).await, Some(1));
    assert_eq!(find(store, acme, 5).await, before);
    assert_eq!(page(store, acme, &of_job("job"), None, 9).await.0, [5]);
    assert_eq!((lines.len(), store.lines(acme, &[id(5)]).await.expect("lines")), (1, lines));
}

pub async fn what_is_not_there_or_was_changed_is_not_deleted(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    save(store, acme, "job").await;
    let foreign = store.delete_job(globex, deletion("job")).await;
    assert!(matches!(foreign, Err(DeleteError::Absent)), "{foreign:?}");
    Jobs::save(store, acme, new_version("job", json!({"n": 2}), None)).await.expect("a version");
    for edits in [0, 1, 3] {
        let old = store.delete_job(acme, Deletion { edits: Some(edits), ..killing("job") }).await;
        assert!(matches!(old, Err(DeleteError::Conflict { edited, newest: 2 }) if edited == edits), "{old:?}");
    }
    assert_eq!(version(store, acme, "job", Some(1)).await, Some(1), "a refusal changes nothing");
    store.delete_job(acme, Deletion { edits: Some(2), ..deletion("job") }).await.expect("a deletion");
    let again = store.delete_job(acme, deletion("job")).await;
    assert!(matches!(again, Err(DeleteError::Absent)), "{again:?}");
}

pub async fn results_that_have_not_ended_prevent_a_deletion(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let refused = async |expected: usize| {
        let refused = store.delete_job(acme, deletion("job")).await;
        assert!(matches!(refused, Err(DeleteError::Open(count)) if count == expected), "{expected}: {refused:?}");
        assert_eq!(version(store, acme, "job", None).await, Some(1));
    };
    save(store, acme, "job").await;
    store.start(acme, start(1, "job")).await.expect("a start");
    refused(1).await;
    let running = claim_one(store).await.lease;
    refused(1).await;
    store.start(acme, start_as(2, "job", Overlap::Queue)).await.expect("a start");
    store.start(acme, NewResult { dry_run: true, ..start(3, "job") }).await.expect("a start");
    store
        .start(acme, NewResult { notification_of: Some(id(1)), ..start(4, &history_of("job")) })
        .await
        .expect("a start");
    store.start(acme, start(5, "job-2")).await.expect("a start");
    refused(4).await;
    store.finish(running, finish(Status::Error)).await.expect("an end");
    for one in claim(store, 9, at(50)).await {
        store.finish(one.lease, finish(Status::Success)).await.expect("an end");
    }
    delete(store, acme, "job").await;
}

pub async fn a_deletion_kills_what_has_not_ended(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    save(store, acme, "job").await;
    store.start(acme, start(1, "job")).await.expect("a start");
    let running = claim_one(store).await.lease;
    note(store, running, &line(10, Status::Running)).await.expect("a line");
    store.start(acme, start_as(2, "job", Overlap::Queue)).await.expect("a start");
    store
        .start(acme, NewResult { notification_of: Some(id(1)), ..start(3, &history_of("job")) })
        .await
        .expect("a start");
    store.start(acme, start(4, "job-2")).await.expect("a start");
    let deleted = store.delete_job(acme, killing("job")).await.expect("a deletion");
    assert_eq!(deleted, Deleted { killed: vec![id(1), id(2), id(3)], complete: true });
    for number in 1..=3 {
        let killed = find(store, acme, number).await;
        assert_eq!((killed.status, killed.message), (Status::Killed, kill().message), "{number}");
        assert_eq!(killed.finished_at, Some(kill().at));
    }
    let lines = store.lines(acme, &[id(1)]).await.expect("lines");
    assert_eq!((lines[0].1.status, &lines[0].1.message), (Status::Killed, &kill().line_message));
    let late = store.finish(running, finish(Status::Success)).await;
    assert!(matches!(late, Err(LeaseError::Lost)), "{late:?}");
    assert_eq!(claim_one(store).await.result.id, id(4), "the results of other jobs wait as before");
    assert_eq!(version(store, acme, "job", None).await, None);
}

pub async fn many_open_results_are_killed_in_steps(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    save(store, acme, "job").await;
    let count = MOST_KILLED as u128 + 1;
    for number in 1..=count {
        store.start(acme, start(number, "job")).await.expect("a start");
    }
    let refused = store.delete_job(acme, deletion("job")).await;
    assert!(matches!(refused, Err(DeleteError::Open(open)) if open == MOST_KILLED + 1), "{refused:?}");
    let first = store.delete_job(acme, killing("job")).await.expect("a step");
    assert_eq!((first.killed.len(), first.complete), (MOST_KILLED, false));
    assert_eq!(version(store, acme, "job", None).await, Some(1), "the job goes with the last of them");
    let last = store.delete_job(acme, killing("job")).await.expect("a step");
    assert_eq!(last, Deleted { killed: vec![id(count)], complete: true });
}

pub async fn a_job_that_is_saved_again_is_a_new_one(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let first = save(store, acme, "job").await;
    ended(store, acme, 1, "job", Status::Success).await;
    delete(store, acme, "job").await;
    assert_eq!(store.last_success(acme, "job").await.expect("an answer"), None);
    assert_eq!(store.ended_before(acme, "job", id(9)).await.expect("an answer"), None);
    let edited = Jobs::save(store, acme, new_version("job", json!({"n": 1}), Some(1))).await;
    assert!(matches!(edited, Err(SaveError::Absent)), "{edited:?}");
    let again = Jobs::save(store, acme, new_version("job", first.document.clone(), Some(0))).await;
    assert_eq!(again.expect("a version"), SavedJob { version: 2, ..first });
    assert_eq!(version(store, acme, "job", Some(1)).await, None, "what was deleted does not come back");
    assert_eq!(store.last_success(acme, "job").await.expect("an answer"), None);
    store.start(acme, NewResult { version: 2, ..start(3, "job") }).await.expect("a start");
    let lease = claim_one(store).await.lease;
    store.finish(lease, finish(Status::Success)).await.expect("an end");
    assert_eq!(store.last_success(acme, "job").await.expect("an answer"), Some(at(3)));
    assert_eq!(store.ended_before(acme, "job", id(9)).await.expect("an answer"), Some(Status::Success));
    delete(store, acme, "job").await;
    assert_eq!(save(store, acme, "job").await.version, 3);
}

pub async fn results_of_a_deleted_job_are_kept_by_age_alone(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    for scope in [acme, globex] {
        save(store, scope, "job").await;
    }
    for (number, status) in [(1, Status::Success), (2, Status::Error), (3, Status::Success)] {
        ended(store, acme, number, "job", status).await;
        ended(store, globex, number, "job", status).await;
    }
    store
        .start(acme, NewResult { notification_of: Some(id(2)), ..start(4, &history_of("job")) })
        .await
        .expect("a start");
    let lease = claim_one(store).await.lease;
    store.finish(lease, finish(Status::Success)).await.expect("an end");
    delete(store, acme, "job").await;
    save(store, acme, "job").await;
    store.start(acme, NewResult { version: 2, ..start(5, "job") }).await.expect("a start");
    let lease = claim_one(store).await.lease;
    store.finish(lease, finish(Status::Success)).await.expect("an end");
    let keep = Retention { age: Duration::from_secs(100), results: 1000 };
    assert_eq!(prune_all(store, keep, at(101)).await, 0, "what is young stays");
    assert_eq!(prune_all(store, keep, at(900)).await, 4);
    let kept = async |scope| page(store, scope, &ResultFilter::default(), None, 9).await.0;
    assert_eq!((kept(acme).await, kept(globex).await), (vec![5], vec![3, 2, 1]));
}
