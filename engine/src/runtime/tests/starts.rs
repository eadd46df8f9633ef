use serde_json::json;

use super::harness::harness;
use crate::model::organization::Role;
use crate::model::token::Reach;
use crate::runtime::authenticate::AuthenticateError;
use crate::runtime::jobs::SaveJobError;
use crate::runtime::manage::{ManageError, NewOrganization, NewToken};
use crate::runtime::start::StartError;

#[tokio::test]
async fn a_start_fills_in_defaults_and_keeps_what_it_was_given() {
    let harness = harness().await;
    harness.save(json!({"key": "job", "arguments": {"properties": {"top": {"type": "integer", "default": 5}}}, "lines": [{"action": "pass"}]})).await;
    let started = harness.start(json!({}), json!([])).await.unwrap();
    assert_eq!(started.arguments["top"], 5);
    assert_eq!((started.version, started.started_by.as_str()), (1, "tester"));
    let refused = harness.start(json!({"top": "x"}), json!([5])).await;
    let Err(StartError::Faults(faults)) = refused else { panic!("a refusal") };
    assert_eq!(faults.len(), 2, "{faults:?}");
}

#[tokio::test]
async fn an_unknown_job_cannot_be_started() {
    assert!(
        matches!(harness().await.start(json!({}), json!([])).await, Err(StartError::UnknownJob(key)) if key == "job")
    );
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
    let refused =
        harness.engine.save_job(&harness.access, json!({"key": "job", "lines": [{"action": "pas"}]}), None).await;
    assert!(matches!(refused, Err(SaveJobError::Faults(faults)) if faults.len() == 1));
    assert!(harness.engine.jobs.find(harness.access.scope(), "job", None).await.unwrap().is_none());
}

#[tokio::test]
async fn a_token_lets_in_where_it_is_good_and_nowhere_else() {
    let harness = harness().await;
    let other = NewOrganization { key: "other".into(), name: "Other".into(), time_zone: "UTC".into() };
    harness.engine.create_organization(&harness.access, other).await.unwrap();
    let new = NewToken { name: "ci".into(), role: Some(Role::Viewer), server: false, expires_at: None };
    let viewer = harness.engine.create_token(&harness.access, new.clone()).await.unwrap().text;
    let access = harness.engine.authenticate(&viewer, None).await.unwrap();
    assert_eq!((access.role, access.server, access.who.as_str()), (Role::Viewer, false, "token ci"));
    assert!(matches!(harness.engine.authenticate(&viewer, Some("other")).await, Err(AuthenticateError::Refused)));
    assert!(matches!(harness.engine.create_token(&access, new).await, Err(ManageError::Forbidden)));
    let server = harness.engine.issue_token("root", Reach::Server, None).await.unwrap().text;
    assert_eq!(harness.engine.authenticate(&server, Some("other")).await.unwrap().organization.key, "other");
    assert!(matches!(harness.engine.authenticate(&server, Some("none")).await, Err(AuthenticateError::Refused)));
    for wrong in ["", "rw_", &server[..server.len() - 1]] {
        assert!(matches!(harness.engine.authenticate(wrong, None).await, Err(AuthenticateError::Refused)));
    }
}
