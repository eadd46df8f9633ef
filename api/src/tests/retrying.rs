//! Starting once, waiting, and trying again.

use engine::model::organization::Role;
use serde_json::{Value, json};

use super::world::{World, code};

const RUN: &str = "mutation ($input: RunJobInput!) { runJob(input: $input) {
    jobResult { id uuid status message queue priority } userErrors { code path message } } }";
const RETRY: &str = "mutation ($input: RetryJobResultInput!) { retryJobResult(input: $input) {
    jobResult { id retryOf now status } userErrors { code path message } } }";
const WAITS: &str = "{ jobResults { nodes { id waitsFor { reason message until jobResult } } } }";

/// A world with a job whose second line talks with these parameters, and is handed three records.
async fn with_job(parameters: Value) -> World {
    let world = World::new().await;
    let records = json!([{"n": 1}, {"m": 2}, {"m": 3}]);
    let lines = [
        json!({"filter": {"source": {"inline": records}}, "keep": true}),
        json!({"action": "sort", "parameters": parameters}),
    ];
    world.save_document(json!({"key": "talk", "lines": lines})).await;
    world
}

fn first_error(payload: &Value) -> (&str, &str, &str) {
    let error = &payload["userErrors"][0];
    let text = |name: &str| error[name].as_str().unwrap_or_default();
    (text("code"), text("path"), text("message"))
}

#[tokio::test]
async fn a_start_that_is_named_is_made_once() {
    let world = with_job(json!({})).await;
    let input = json!({"job": "talk", "idempotencyKey": "order 7", "arguments": {"a": 1, "b": 2}});
    let first = world.data(RUN, json!({"input": input})).await["runJob"].take();
    let again = world.data(RUN, json!({"input": input})).await["runJob"].take();
    assert_eq!((&again["jobResult"]["id"], &again["userErrors"]), (&first["jobResult"]["id"], &json!([])));
    let other = json!({"job": "talk", "idempotencyKey": "order 7", "arguments": {"a": 1, "b": 3}});
    let other = world.data(RUN, json!({"input": other})).await["runJob"].take();
    let (code, path, message) = first_error(&other);
    assert_eq!((code, path), ("CONFLICT", "idempotencyKey"));
    assert!(message.contains(first["jobResult"]["uuid"].as_str().unwrap()), "{message}");
    assert_eq!(world.data("{ jobResults { totalCount } }", json!({})).await["jobResults"]["totalCount"], 1);
}

#[tokio::test]
async fn a_start_says_where_it_waits_and_what_overlap_means() {
    let world = with_job(json!({})).await;
    let saved =
        "mutation { saveQueue(input: {key: \"slow\", limit: 1}) { queue { key limit global } userErrors { path } } }";
    let saved = world.data(saved, json!({})).await["saveQueue"].take();
    assert_eq!(saved, json!({"queue": {"key": "slow", "limit": 1, "global": false}, "userErrors": []}));
    let input = json!({"job": "talk", "queue": "slow", "priority": 7});
    let first = world.data(RUN, json!({"input": input})).await["runJob"]["jobResult"].take();
    assert_eq!((&first["queue"], &first["priority"]), (&json!("slow"), &json!(7)));
    let skipped = json!({"job": "talk", "overlap": "SKIP"});
    let skipped = world.data(RUN, json!({"input": skipped})).await["runJob"]["jobResult"].take();
    assert_eq!(skipped["status"], "INFO");
    assert!(skipped["message"].as_str().unwrap().contains(first["uuid"].as_str().unwrap()), "{skipped}");
    let absent = world.data(RUN, json!({"input": {"job": "talk", "queue": "slwo"}})).await["runJob"].take();
    let (code, path, message) = first_error(&absent);
    assert_eq!((code, path), ("INVALID", "queue"));
    assert!(message.contains("`slow`"), "{message}");
}

#[tokio::test]
async fn whatever_waits_says_why_and_it_takes_one_statement() {
    let world = with_job(json!({})).await;
    let first = world.start("talk").await;
    let second = world.start("talk").await;
    world.results.asked();
    let answer = world.data(WAITS, json!({})).await;
    assert_eq!(world.results.asked(), 2, "the list, and why they wait");
    let nodes = answer["jobResults"]["nodes"].as_array().unwrap();
    assert_eq!((&nodes[0]["id"], &nodes[1]["id"]), (&json!(second), &json!(first)));
    let worker =
        json!({"reason": "WORKER", "message": "It waits for a free worker.", "until": null, "jobResult": null});
    assert_eq!(nodes[1]["waitsFor"], worker);
    assert_eq!(
        (&nodes[0]["waitsFor"]["reason"], &nodes[0]["waitsFor"]["jobResult"]),
        (&json!("EARLIER_RESULT"), &json!(first))
    );
    world.work().await;
    world.results.asked();
    let answer = world.data(WAITS, json!({})).await;
    assert!(answer["jobResults"]["nodes"].as_array().unwrap().iter().all(|node| node["waitsFor"].is_null()));
    assert_eq!(world.results.asked(), 1, "what has ended waits for nothing");
}

#[tokio::test]
async fn what_failed_is_tried_again_from_its_line() {
    let world = with_job(json!({"fail": "final"})).await;
    let id = world.start("talk").await;
    let open = world.data(RETRY, json!({"input": {"jobResult": id}})).await["retryJobResult"].take();
    assert_eq!(first_error(&open).0, "INVALID");
    world.work().await;
    let seen = "query ($id: ID!) { jobResult(id: $id) { status failedLine retries } }";
    let failed = world.data(seen, json!({"id": id})).await["jobResult"].take();
    assert_eq!(failed, json!({"status": "ERROR", "failedLine": 20, "retries": []}));
    world.clock.advance(chrono::TimeDelta::days(1));
    let again = world.data(RETRY, json!({"input": {"jobResult": id, "mode": "FAILED_LINE"}})).await;
    let again = again["retryJobResult"]["jobResult"].clone();
    assert_eq!((&again["retryOf"], &again["now"]), (&json!(id), &json!("2026-03-01T08:00:00.000000Z")));
    let today = world.data(RETRY, json!({"input": {"jobResult": id, "today": true}})).await;
    assert_eq!(today["retryJobResult"]["jobResult"]["now"], "2026-03-02T08:00:00.000000Z");
    let retries = world.data(seen, json!({"id": id})).await["jobResult"]["retries"].take();
    assert_eq!(retries, json!([again["id"], today["retryJobResult"]["jobResult"]["id"]]));
    let absent = json!({"jobResult": "0197a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"});
    let absent = world.data(RETRY, json!({"input": absent})).await["retryJobResult"].take();
    assert_eq!(first_error(&absent).0, "NOT_FOUND");
    let viewer = world.caller(Role::Viewer).await;
    assert_eq!(code(&world.ask(&viewer, RETRY, json!({"input": {"jobResult": id}})).await), "FORBIDDEN");
}

#[tokio::test]
async fn what_is_kept_of_a_line_comes_page_by_page() {
    let world = with_job(json!({})).await;
    let id = world.start("talk").await;
    world.work().await;
    let document = "query ($id: ID!, $after: String) { jobResult(id: $id) { lines {
        records(first: 2) { nodes { data } pageInfo { hasNextPage } }
        rejectedRecords(first: 1, after: $after) { nodes { record reason } pageInfo { hasNextPage endCursor } } } } }";
    let lines = world.data(document, json!({"id": id})).await["jobResult"]["lines"].take();
    let kept = json!({"nodes": [{"data": {"n": 1}}, {"data": {"m": 2}}], "pageInfo": {"hasNextPage": true}});
    assert_eq!(lines[0]["records"], kept);
    assert_eq!(lines[1]["records"]["nodes"], json!([]), "only what is asked for is kept");
    let first = &lines[1]["rejectedRecords"];
    assert_eq!(first["nodes"], json!([{"record": {"m": 2}, "reason": "it has no n"}]));
    let variables = json!({"id": id, "after": first["pageInfo"]["endCursor"]});
    let second = world.data(document, variables).await["jobResult"]["lines"][1]["rejectedRecords"].take();
    assert_eq!(second["nodes"], json!([{"record": {"m": 3}, "reason": "it has no n"}]));
    assert_eq!(second["pageInfo"]["hasNextPage"], false);
}

#[tokio::test]
async fn queues_are_set_up_seen_and_removed() {
    let world = World::new().await;
    let save = "mutation ($input: SaveQueueInput!) { saveQueue(input: $input) { queue { key } userErrors { code path message } } }";
    let wrong = world.data(save, json!({"input": {"key": "Not So", "limit": 3}})).await["saveQueue"].take();
    assert_eq!((first_error(&wrong).0, first_error(&wrong).1), ("INVALID", "key"));
    let none = world.data(save, json!({"input": {"key": "slow", "limit": 0}})).await["saveQueue"].take();
    assert_eq!((first_error(&none).0, first_error(&none).1), ("INVALID", "limit"));
    world.data(save, json!({"input": {"key": "slow", "limit": 2}})).await;
    let admin = world.caller(Role::Admin).await;
    let global = world.ask(&admin, save, json!({"input": {"key": "all", "global": true}})).await;
    assert_eq!(code(&global), "FORBIDDEN");
    let seen = world.data("{ queues { key global limit waiting running } }", json!({})).await["queues"].take();
    let default = json!({"key": "default", "global": true, "limit": null, "waiting": 0, "running": 0});
    assert_eq!(seen, json!([default, {"key": "slow", "global": false, "limit": 2, "waiting": 0, "running": 0}]));
    let delete = "mutation { deleteQueue(input: {key: \"slow\"}) { deleted userErrors { code path } } }";
    assert_eq!(world.data(delete, json!({})).await["deleteQueue"], json!({"deleted": true, "userErrors": []}));
    let gone = world.data(delete, json!({})).await["deleteQueue"].take();
    assert_eq!(gone, json!({"deleted": false, "userErrors": [{"code": "NOT_FOUND", "path": "key"}]}));
}
