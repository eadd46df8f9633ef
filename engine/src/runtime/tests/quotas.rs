use serde_json::json;

use super::harness::{Harness, harness};
use crate::model::quota::Quotas;
use crate::ports::results::ResultFilter;
use crate::runtime::kill::KillAll;
use crate::runtime::start::{Start, StartError};

/// A harness with the job `job`, in an organization with these quotas.
async fn with(quotas: Quotas) -> Harness {
    let mut harness = harness().await;
    harness.save(json!({"key": "job", "overlap": "allow", "lines": [{"action": "pass"}]})).await;
    harness.engine.set_quotas(&harness.access, quotas).await.unwrap();
    harness.access.organization.quotas = quotas;
    harness
}

fn told(refused: Result<crate::model::result::JobResult, StartError>) -> String {
    let Err(StartError::Quota(reached)) = refused else { panic!("{refused:?}") };
    reached.to_string()
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
        "The organization may start 2 jobs in a minute; try again in 30 s, or ask a server administrator for a higher \
         quota"
    );
}

#[tokio::test]
async fn a_start_that_is_sent_again_is_not_counted_again() {
    let harness = with(Quotas { starts_per_minute: 1, ..Quotas::default() }).await;
    let start = Start { job: "job".into(), idempotency_key: Some("once".into()), ..Start::default() };
    let first = harness.engine.start(&harness.access, start.clone()).await.unwrap();
    assert_eq!(harness.engine.start(&harness.access, start).await.unwrap().id, first.id);
}

#[tokio::test]
async fn open_results_are_limited_and_killed_together() {
    let harness = with(Quotas { open_results: 3, ..Quotas::default() }).await;
    for _ in 0..3 {
        harness.start(json!({}), json!([])).await.unwrap();
    }
    assert!(told(harness.start(json!({}), json!([])).await).contains("3 job results that have not ended"));
    let other = KillAll { job: Some("other".into()), ..KillAll::default() };
    assert_eq!(harness.engine.kill_all(&harness.access, &other).await.unwrap(), (0, true));
    let all = KillAll { reason: Some("a mistake".into()), ..KillAll::default() };
    assert_eq!(harness.engine.kill_all(&harness.access, &all).await.unwrap(), (3, true));
    let scope = harness.access.scope();
    assert_eq!(harness.engine.results.count_open(scope).await.unwrap(), 0);
    let page = crate::ports::Page { before: None, limit: 10 };
    let listed = harness.engine.results.list(scope, &ResultFilter::default(), page).await.unwrap();
    assert!(listed.items.iter().all(|result| result.message.contains("(a mistake)")), "{listed:?}");
}

#[tokio::test]
async fn what_is_kept_is_limited() {
    let harness = with(Quotas { history_bytes: 1, collection_bytes: 1, ..Quotas::default() }).await;
    harness.start(json!({}), json!([{"text": "x"}])).await.unwrap();
    let change = |key: &str| {
        let entry = crate::model::collection::Entry { key: key.into(), data: json!({"n": 1}) };
        crate::model::collection::Change::Upsert(entry)
    };
    harness.engine.write_records(&harness.access, "c", &[change("a")]).await.unwrap();
    harness.engine.count_stored().await.unwrap();
    assert!(
        told(harness.start(json!({}), json!([])).await)
            .contains("may keep 0 MiB of job results, and keeps more; delete records")
    );
    let refused = harness.engine.write_records(&harness.access, "c", &[change("b")]).await.unwrap_err();
    assert!(refused.to_string().contains("may keep 0 MiB of records in collections"), "{refused}");
}
