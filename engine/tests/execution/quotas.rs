use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::harness::{Harness, harness, refusal};
use engine::execution::kill::KillAll;
use engine::execution::start::Start;
use engine::model::collection::{Change, Entry};
use engine::model::lifecycle::retention::Retention;
use engine::model::quota::{Quotas, StorageUse};
use engine::model::refusal::RefusalCode;
use engine::node::service_error::ServiceError;
use engine::ports::Page;
use engine::ports::results::ResultFilter;

/// A harness with the job `job`, in an organization with these quotas.
async fn with(quotas: Quotas) -> Harness {
    let mut harness = harness().await;
    harness.save(json!({"key": "job", "overlap": "allow", "lines": [{"action": "pass"}]})).await;
    harness.engine.organizations().set_quotas(&harness.access, quotas).await.unwrap();
    harness.access.organization.quotas = quotas;
    harness
}

/// What is said of the quota that was reached.
fn told<Done>(refused: Result<Done, ServiceError>) -> String {
    let reached = refusal(refused);
    assert_eq!((reached.code, reached.path.as_str()), (RefusalCode::QuotaReached, ""), "{reached}");
    reached.message
}

impl Harness {
    /// Has a node count what organizations store, as it does now and then.
    async fn count_stored(&self) {
        let stop = CancellationToken::new();
        let (engine, stopped) = (self.engine.clone(), stop.clone());
        let counting = tokio::spawn(async move { engine.remove_old_results(Retention::default(), stopped).await });
        let counted = async {
            while self.engine.usage().stored(self.access.organization.id) == StorageUse::default() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), counted).await.expect("it is counted soon");
        stop.cancel();
        counting.await.unwrap();
    }
}

#[tokio::test]
async fn starts_are_limited_by_the_minute() {
    let harness = with(Quotas { starts_per_minute: 2, ..Quotas::default() }).await;
    for _ in 0..2 {
        harness.start(json!({}), json!([])).await.unwrap();
    }
    let told = told(harness.start(json!({}), json!([])).await);
    assert_eq!(
        told,
        "The organization may start 2 jobs per minute; try again in 30 s, or ask a server administrator for a higher \
         quota."
    );
}

#[tokio::test]
async fn a_start_that_is_sent_again_is_not_counted_again() {
    let harness = with(Quotas { starts_per_minute: 1, ..Quotas::default() }).await;
    let start = Start { job: "job".into(), idempotency_key: Some("once".into()), ..Start::default() };
    let first = harness.engine.jobs().start(&harness.access, start.clone()).await.unwrap();
    assert_eq!(harness.engine.jobs().start(&harness.access, start).await.unwrap().id, first.id);
}

#[tokio::test]
async fn open_results_are_limited_and_killed_together() {
    let harness = with(Quotas { open_results: 3, ..Quotas::default() }).await;
    for _ in 0..3 {
        harness.start(json!({}), json!([])).await.unwrap();
    }
    assert!(told(harness.start(json!({}), json!([])).await).contains("3 open job results"));
    let other = KillAll { job: Some("other".into()), ..KillAll::default() };
    let unknown = refusal(harness.engine.results().kill_all(&harness.access, &other).await);
    assert_eq!((unknown.code, unknown.path.as_str()), (RefusalCode::NotFound, "job"));
    harness.save(json!({"key": "other", "lines": [{"action": "pass"}]})).await;
    assert_eq!(harness.engine.results().kill_all(&harness.access, &other).await.unwrap(), (0, true));
    let all = KillAll { reason: Some("a mistake".into()), ..KillAll::default() };
    assert_eq!(harness.engine.results().kill_all(&harness.access, &all).await.unwrap(), (3, true));
    let scope = harness.access.scope();
    assert_eq!(harness.stores.starts.count_open(scope).await.unwrap(), 0);
    let page = Page { before: None, limit: 10 };
    let listed = harness.stores.history.list(scope, &ResultFilter::default(), page).await.unwrap();
    assert!(listed.items.iter().all(|result| result.message.contains("(a mistake)")), "{listed:?}");
}

#[tokio::test]
async fn what_is_kept_is_limited() {
    let harness = with(Quotas { history_bytes: 1, collection_bytes: 1, ..Quotas::default() }).await;
    harness.start(json!({}), json!([{"text": "x"}])).await.unwrap();
    let change = |key: &str| Change::Upsert(Entry { key: key.into(), data: json!({"n": 1}) });
    harness.engine.collections().write(&harness.access, "c", &[change("a")]).await.unwrap();
    harness.count_stored().await;
    assert!(
        told(harness.start(json!({}), json!([])).await)
            .contains("may store 0 MiB of job results, and stores more; delete records")
    );
    let told = told(harness.engine.collections().write(&harness.access, "c", &[change("b")]).await);
    assert!(told.contains("may store 0 MiB of records in collections"), "{told}");
}
