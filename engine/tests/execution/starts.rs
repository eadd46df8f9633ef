use serde_json::json;

use crate::harness::{faults, harness, refusal};
use engine::model::organization::Role;
use engine::model::refusal::RefusalCode::{Forbidden, NotFound, Unauthenticated};
use engine::model::token::TokenScope;
use engine::services::organizations::NewOrganization;
use engine::services::tokens::NewToken;

#[tokio::test]
async fn a_start_fills_in_defaults_and_keeps_what_it_was_given() {
    let harness = harness().await;
    harness.save(json!({"key": "job", "arguments": {"properties": {"top": {"type": "integer", "default": 5}}}, "lines": [{"action": "pass"}]})).await;
    let started = harness.start(json!({}), json!([])).await.unwrap();
    assert_eq!(started.arguments["top"], 5);
    assert_eq!((started.version, started.started_by.as_str()), (1, "tester"));
    let faults = faults(harness.start(json!({"top": "x"}), json!([5])).await);
    assert_eq!(faults.len(), 2, "{faults:?}");
}

#[tokio::test]
async fn an_unknown_job_cannot_be_started() {
    let unknown = refusal(harness().await.start(json!({}), json!([])).await);
    assert_eq!((unknown.code, unknown.path.as_str()), (NotFound, "job"));
    assert_eq!(unknown.message, "There is no job `job` in this organization.");
}

#[tokio::test]
async fn since_is_the_start_of_the_last_full_success() {
    let harness = harness().await;
    harness.save(json!({"key": "job", "lines": [{"action": "pass"}]})).await;
    let first = harness.start(json!({}), json!([{"n": 1}])).await.unwrap();
    assert_eq!(first.since, None);
    harness.step().await;
    harness.save(json!({"key": "job", "lines": [{"action": "fail"}]})).await;
    let second = harness.start(json!({}), json!([])).await.unwrap();
    assert_eq!(second.since, Some(first.created_at));
    harness.step().await;
    let third = harness.start(json!({}), json!([])).await.unwrap();
    assert_eq!(third.since, Some(first.created_at), "a failure does not move it");
}

#[tokio::test]
async fn a_result_keeps_the_version_it_was_started_with() {
    let harness = harness().await;
    harness.save(json!({"key": "job", "lines": [{"action": "pass"}]})).await;
    harness.start(json!({}), json!([{"n": 1}])).await.unwrap();
    harness.save(json!({"key": "job", "lines": [{"action": "fail"}]})).await;
    let performed = harness.step().await.unwrap();
    assert_eq!((performed.result.version, performed.lines[0].action.as_deref()), (1, Some("test/pass")));
}

#[tokio::test]
async fn a_job_with_faults_is_not_saved() {
    let harness = harness().await;
    let job = json!({"key": "job", "lines": [{"action": "pas"}]});
    let faults = faults(harness.engine.jobs().save(&harness.access, job, None).await);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(harness.stores.jobs.find(harness.access.scope(), "job", None).await.unwrap().is_none());
}

#[tokio::test]
async fn a_token_lets_in_where_it_is_good_and_nowhere_else() {
    let harness = harness().await;
    let other = NewOrganization { key: "other".into(), name: "Other".into(), time_zone: "UTC".into() };
    harness.engine.organizations().create(&harness.access, other).await.unwrap();
    let tokens = harness.engine.tokens();
    let new = NewToken { name: "ci".into(), role: Some(Role::Viewer), server: false, expires_at: None };
    let viewer = tokens.create(&harness.access, new.clone()).await.unwrap().text;
    let access = tokens.authenticate(&viewer, None).await.unwrap();
    assert_eq!((access.role, access.server, access.who.as_str()), (Role::Viewer, false, "token ci"));
    assert_eq!(refusal(tokens.authenticate(&viewer, Some("other")).await).code, Unauthenticated);
    assert_eq!(refusal(tokens.create(&access, new).await).code, Forbidden);
    let server = tokens.issue("root", TokenScope::Server, None, None).await.unwrap().text;
    assert_eq!(tokens.authenticate(&server, Some("other")).await.unwrap().organization.key, "other");
    assert_eq!(refusal(tokens.authenticate(&server, Some("none")).await).code, Unauthenticated);
    for wrong in ["", "rw_", &server[..server.len() - 1]] {
        assert_eq!(refusal(tokens.authenticate(wrong, None).await).code, Unauthenticated, "{wrong}");
    }
}
