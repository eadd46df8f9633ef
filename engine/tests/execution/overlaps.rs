//! Results of one job that would overlap, and who is told how they end.

use serde_json::{Value, json};

use crate::harness::{Harness, harness, refusal, told};
use engine::execution::start::Start;
use engine::model::lifecycle::waiting::Waiting;
use engine::model::refusal::RefusalCode;
use engine::model::result::{JobResult, ResultId};
use engine::model::status::Status;
use engine::ports::Page;
use engine::ports::results::ResultFilter;

impl Harness {
    async fn job(&self, overlap: &str) {
        let lines = json!([{"action": "pass"}]);
        self.save(json!({"key": "job", "overlap": overlap, "lines": lines})).await;
    }

    async fn go(&self) -> JobResult {
        self.start(json!({}), json!([{"n": 1}])).await.unwrap()
    }

    async fn status(&self, id: ResultId) -> Status {
        self.stores.history.find(self.access.scope(), id).await.unwrap().unwrap().status
    }
}

#[tokio::test]
async fn a_queued_result_waits_for_the_one_before_and_says_so() {
    let harness = harness().await;
    harness.job("queue").await;
    let (first, second) = (harness.go().await, harness.go().await);
    let waits = harness.stores.history.waiting(harness.access.scope(), &[first.id, second.id]).await.unwrap();
    assert_eq!(waits, [(first.id, Waiting::Worker), (second.id, Waiting::Behind(first.id))]);
    assert_eq!(harness.step().await.unwrap().result.id, first.id);
    assert_eq!(harness.step().await.unwrap().result.id, second.id);
}

#[tokio::test]
async fn a_skipped_result_is_info_and_moves_no_since() {
    let harness = harness().await;
    harness.job("skip").await;
    let first = harness.go().await;
    let skipped = harness.go().await;
    assert_eq!(skipped.status, Status::Info);
    assert!(skipped.message.contains(&first.id.0.to_string()), "{}", skipped.message);
    harness.step().await.unwrap();
    let third = harness.go().await;
    assert_eq!(third.since, Some(first.now), "the skipped one is no success");
}

#[tokio::test]
async fn a_replacing_result_kills_the_one_before() {
    let harness = harness().await;
    harness.job("replace").await;
    let first = harness.go().await;
    let second = harness.go().await;
    assert_eq!(harness.status(first.id).await, Status::Killed);
    assert_eq!(harness.step().await.unwrap().result.id, second.id);
    assert!(harness.step().await.is_none());
}

#[tokio::test]
async fn a_start_with_a_name_happens_once() {
    let harness = harness().await;
    harness.job("allow").await;
    let start = |n: i64| Start {
        job: "job".into(),
        records: Some(vec![json!({"n": n})]),
        idempotency_key: Some("order-7".into()),
        ..Start::default()
    };
    let first = harness.engine.jobs().start(&harness.access, start(1)).await.unwrap();
    assert_eq!(harness.engine.jobs().start(&harness.access, start(1)).await.unwrap().id, first.id);
    let other = refusal(harness.engine.jobs().start(&harness.access, start(2)).await);
    assert_eq!((other.code, other.path.as_str()), (RefusalCode::Conflict, "idempotencyKey"));
    let first = first.id.0;
    let message = format!("The idempotency key was already used by another start, which made the job result {first}.");
    assert_eq!(other.message, message);
}

#[tokio::test]
async fn a_queue_that_was_not_set_up_cannot_be_named() {
    let harness = harness().await;
    let job = json!({"key": "job", "queue": "nihgt", "lines": [{"action": "pass"}]});
    let told = told(harness.engine.jobs().save(&harness.access, job, None).await);
    assert!(told[0].starts_with("queue: there is no queue `nihgt`"), "{told:?}");
}

#[tokio::test]
async fn a_rule_tells_of_an_error_and_of_the_recovery() {
    let harness = harness().await;
    let rule = |on: Value| json!({"on": on, "action": "echo", "parameters": {"told": "$<result.status>: $<job.key>"}});
    let notify = json!([rule(json!(["error"])), rule(json!(["recovered"]))]);
    let job = |action: &str| json!({"key": "job", "notify": notify, "lines": [{"action": action}]});
    harness.save(job("fail")).await;
    let failed = harness.start(json!({}), json!([])).await.unwrap();
    harness.step().await.unwrap();
    let told = harness.step().await.expect("a result that tells of it");
    assert_eq!(told.result.notification_of, Some(failed.id));
    assert_eq!((told.result.job.as_str(), told.result.status), ("job/notify", Status::Success));
    assert_eq!(told.records.first(1), [json!({"told": "error: job"})]);
    harness.save(job("pass")).await;
    for expected in [Some("success: job"), None] {
        harness.start(json!({}), json!([{"n": 1}])).await.unwrap();
        harness.step().await.unwrap();
        let told = harness.step().await;
        assert_eq!(told.map(|told| told.records.first(1)[0]["told"].clone()), expected.map(Value::from));
    }
    let own = ResultFilter { job: Some("job".into()), status: None };
    let page = Page { before: None, limit: 10 };
    let listed = harness.stores.history.list(harness.access.scope(), &own, page).await.unwrap();
    assert_eq!(listed.items.len(), 3, "what tells of results is not among them");
}

#[tokio::test]
async fn a_kill_is_told_too() {
    let harness = harness().await;
    let notify = json!([{"on": ["killed"], "action": "echo", "parameters": {"told": "$<result.message>"}}]);
    harness.save(json!({"key": "job", "notify": notify, "lines": [{"action": "pass"}]})).await;
    let started = harness.go().await;
    harness.engine.results().kill(&harness.access, started.id, Some("enough")).await.unwrap();
    let told = harness.step().await.expect("a result that tells of it");
    assert_eq!(told.records.first(1)[0]["told"], "Killed by tester (enough) before it began.");
}
