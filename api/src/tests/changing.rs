//! Mutations.

use std::sync::atomic::Ordering;

use engine::model::organization::Role;
use serde_json::{Value, json};

use super::world::{World, job};

const SAVE: &str = "mutation ($document: JSON!, $edits: Int) { saveJob(input: {document: $document, edits: $edits}) {
    job { key version savedBy savedAt description active document } newest { version } userErrors { code path message } } }";
const RUN: &str = "mutation ($input: RunJobInput!) { runJob(input: $input) {
    jobResult { status title arguments since } userErrors { code path } } }";
const RUN_ALL: &str = "mutation ($starts: [RunJobInput!]!) { runJobs(input: {starts: $starts}) {
    starts { jobResult { uuid title } userErrors { code path } } userErrors { code path } } }";
const KILL: &str = "mutation ($id: ID!, $reason: String) { killJobResult(input: {id: $id, reason: $reason}) {
    jobResult { status message } userErrors { code path message } } }";

fn refused(errors: &Value) -> Vec<(&str, &str)> {
    errors
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (error["code"].as_str().unwrap(), error["path"].as_str().unwrap_or("")))
        .collect()
}

#[tokio::test]
async fn saving_makes_versions_and_a_conflict_gives_the_newer_one() {
    let world = World::new().await;
    let first = world.data(SAVE, json!({"document": job("a"), "edits": 0})).await;
    let saved = &first["saveJob"]["job"];
    assert_eq!((&saved["version"], &saved["savedBy"]), (&json!(1), &json!("token root")));
    assert_eq!((&saved["active"], &saved["description"]), (&json!(true), &json!("For tests")));
    assert_eq!(saved["document"], job("a"));
    let mut edited = job("a");
    edited["name"] = json!("Another name");
    world.data(SAVE, json!({"document": edited, "edits": 1})).await;
    let late = world.data(SAVE, json!({"document": job("a"), "edits": 1})).await;
    assert_eq!((&late["saveJob"]["job"], &late["saveJob"]["newest"]["version"]), (&Value::Null, &json!(2)));
    assert_eq!(refused(&late["saveJob"]["userErrors"]), [("CONFLICT", "edits")]);
    let absent = world.data(SAVE, json!({"document": job("b"), "edits": 3})).await;
    assert_eq!(refused(&absent["saveJob"]["userErrors"]), [("NOT_FOUND", "edits")]);
    let old = world
        .data("{ job(key: \"a\", version: 1) { version } none: job(key: \"a\", version: 9) { version } }", json!({}))
        .await;
    assert_eq!(old, json!({"job": {"version": 1}, "none": null}));
}

#[tokio::test]
async fn a_job_with_faults_is_not_saved() {
    let world = World::new().await;
    let answer = world.data(SAVE, json!({"document": {"key": "a", "lines": [{"action": "nothing-like-it"}]}})).await;
    let errors = refused(&answer["saveJob"]["userErrors"]);
    assert!(!errors.is_empty() && errors.iter().all(|(code, _)| *code == "INVALID"), "{answer}");
    assert_eq!(answer["saveJob"]["job"], Value::Null);
}

#[tokio::test]
async fn a_start_is_answered_with_its_pending_result() {
    let world = World::new().await;
    world.save("a").await;
    let input = json!({"job": "a", "arguments": {"top": 3}, "title": "by hand", "since": "2026-01-01T00:00:00+01:00"});
    let answer = world.data(RUN, json!({"input": input})).await;
    let result = json!({"status": "PENDING", "title": "by hand", "arguments": {"top": 3}, "since": "2025-12-31T23:00:00.000000Z"});
    assert_eq!(answer["runJob"], json!({"jobResult": result, "userErrors": []}));
}

#[tokio::test]
async fn a_start_that_cannot_be_is_refused() {
    let world = World::new().await;
    world.save("a").await;
    let wrong = [
        (json!({"job": "b"}), ("NOT_FOUND", "job")),
        (json!({"job": "a", "arguments": [1]}), ("INVALID", "arguments")),
        (json!({"job": "a", "arguments": {"top": "many"}}), ("INVALID", "arguments.top")),
        (json!({"job": "a", "records": [{}, 7]}), ("INVALID", "records[1]")),
    ];
    for (input, expected) in wrong {
        let answer = world.data(RUN, json!({"input": input})).await;
        assert_eq!(answer["runJob"]["jobResult"], Value::Null);
        assert_eq!(refused(&answer["runJob"]["userErrors"]), [expected], "{input}");
    }
}

#[tokio::test]
async fn many_starts_are_answered_one_by_one_and_in_order() {
    let world = World::new().await;
    world.save("a").await;
    let starts = json!([
        {"job": "a", "title": "first", "idempotencyKey": "k"},
        {"job": "b"},
        {"job": "a", "arguments": [1]},
        {"job": "a", "title": "first", "idempotencyKey": "k"},
        {"job": "a", "title": "other", "idempotencyKey": "k"},
        {"job": "a", "title": "last"},
    ]);
    let answer = world.data(RUN_ALL, json!({"starts": starts})).await;
    assert_eq!(answer["runJobs"]["userErrors"], json!([]));
    let starts = answer["runJobs"]["starts"].as_array().unwrap();
    let errors: Vec<_> = starts.iter().map(|start| refused(&start["userErrors"])).collect();
    let expected: [&[(&str, &str)]; 6] =
        [&[], &[("NOT_FOUND", "job")], &[("INVALID", "arguments")], &[], &[("CONFLICT", "idempotencyKey")], &[]];
    assert_eq!(errors, expected);
    let ids = [0, 3, 5].map(|at| starts[at]["jobResult"]["uuid"].as_str().unwrap());
    assert!(ids[0] == ids[1] && ids[0] < ids[2], "{ids:?}");
    assert_eq!((&starts[5]["jobResult"]["title"], &starts[1]["jobResult"]), (&json!("last"), &Value::Null));
}

#[tokio::test]
async fn a_call_starts_at_least_one_job_and_at_most_500() {
    let world = World::new().await;
    world.save("a").await;
    for (count, accepted) in [(0, false), (1, true), (500, true), (501, false)] {
        let starts = vec![json!({"job": "a"}); count];
        let answer = world.data(RUN_ALL, json!({"starts": starts})).await;
        let started = answer["runJobs"]["starts"].as_array().unwrap();
        let none =
            started.iter().all(|start| start["jobResult"]["uuid"].is_string() && start["userErrors"] == json!([]));
        assert!(none, "{answer}");
        assert_eq!(started.len(), if accepted { count } else { 0 });
        let expected: &[_] = if accepted { &[] } else { &[("INVALID", "starts")] };
        assert_eq!(refused(&answer["runJobs"]["userErrors"]), expected);
    }
}

#[tokio::test]
async fn starts_that_the_store_does_not_take_are_answered_too() {
    let world = World::new().await;
    world.save("a").await;
    world.results.broken.store(true, Ordering::Relaxed);
    let answer = world.data(RUN_ALL, json!({"starts": [{"job": "a"}, {"job": "b"}]})).await;
    let codes: Vec<_> =
        answer["runJobs"]["starts"].as_array().unwrap().iter().map(|start| refused(&start["userErrors"])).collect();
    assert_eq!(codes, [[("UNAVAILABLE", "")], [("NOT_FOUND", "job")]]);
}

#[tokio::test]
async fn a_result_is_killed_once() {
    let world = World::new().await;
    world.save("a").await;
    let id = world.start("a").await;
    let killed = world.data(KILL, json!({"id": id, "reason": "a mistake"})).await;
    assert_eq!(killed["killJobResult"]["jobResult"]["status"], "KILLED");
    let message = killed["killJobResult"]["jobResult"]["message"].as_str().unwrap();
    assert!(message.contains("token root") && message.contains("a mistake"), "{message}");
    let again = world.data(KILL, json!({"id": id})).await;
    assert_eq!(refused(&again["killJobResult"]["userErrors"]), [("ALREADY_FINISHED", "id")]);
    assert_eq!(again["killJobResult"]["jobResult"]["status"], "KILLED");
}

#[tokio::test]
async fn what_is_elsewhere_cannot_be_killed() {
    let world = World::new().await;
    world.save("a").await;
    let id = world.start("a").await;
    let stranger = world.administrator("other").await;
    for id in [id.as_str(), "0197a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b", "nonsense"] {
        let answer = world.ask(&stranger, KILL, json!({"id": id})).await.data.into_json().unwrap();
        assert_eq!(answer["killJobResult"]["jobResult"], Value::Null);
        let message = "There is no such job result in this organization.";
        assert_eq!(
            answer["killJobResult"]["userErrors"],
            json!([{"code": "NOT_FOUND", "path": "id", "message": message}])
        );
    }
}

#[tokio::test]
async fn an_organization_is_created_once() {
    let world = World::new().await;
    let document = "mutation ($key: String!) { createOrganization(input: {key: $key, name: \"Sales\", timeZone: \"Europe/Madrid\"}) {
        organization { key timeZone } userErrors { code path } } }";
    let made = world.data(document, json!({"key": "sales"})).await;
    assert_eq!(made["createOrganization"]["organization"], json!({"key": "sales", "timeZone": "Europe/Madrid"}));
    for (key, expected) in [("sales", ("TAKEN", "key")), ("No Key", ("INVALID", "key"))] {
        let answer = world.data(document, json!({"key": key})).await;
        assert_eq!(refused(&answer["createOrganization"]["userErrors"]), [expected]);
    }
}

#[tokio::test]
async fn a_new_token_opens_its_organization() {
    let world = World::new().await;
    let document =
        "mutation ($role: Role, $end: DateTime) { createToken(input: {name: \"ci\", role: $role, expiresAt: $end}) {
        token userErrors { code path } } }";
    let made = world.data(document, json!({"role": "OPERATOR", "end": "2026-03-01T09:00:00Z"})).await;
    let token = made["createToken"]["token"].as_str().unwrap();
    let access = world.engine.tokens().authenticate(token, None).await.unwrap();
    assert_eq!((access.role, access.who.as_str()), (Role::Operator, "token ci"));
    let neither = world.data(document, json!({})).await;
    assert_eq!(refused(&neither["createToken"]["userErrors"]), [("INVALID", "role")]);
    let past = world.data(document, json!({"role": "VIEWER", "end": "2026-03-01T07:00:00Z"})).await;
    assert_eq!(refused(&past["createToken"]["userErrors"]), [("INVALID", "expiresAt")]);
}
