//! Queries.

use std::sync::atomic::Ordering;

use engine::model::organization::Role;
use serde_json::{Value, json};

use super::world::{World, code};

async fn with_results(count: usize) -> World {
    let world = World::new().await;
    world.save("weekly").await;
    for _ in 0..count {
        world.start("weekly").await;
    }
    world.work().await;
    world.results.asked();
    world
}

#[tokio::test]
async fn a_caller_sees_who_it_is() {
    let world = World::new().await;
    let document = "{ viewer { who role server organization { key timeZone } } serverInfo { version } }";
    let answer = world.ask(&world.caller(Role::Editor).await, document, json!({})).await.data.into_json().unwrap();
    let organization = json!({"key": "main", "timeZone": "Europe/Madrid"});
    let viewer = json!({"who": "token editor", "role": "EDITOR", "server": false, "organization": organization});
    assert_eq!(answer["viewer"], viewer);
    assert_eq!(answer["serverInfo"]["version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn a_finished_result_tells_everything() {
    let world = with_results(1).await;
    let document = "{ jobResults { nodes { job version status message startedBy arguments createdAt finishedAt attempt
        recordsIn recordsOut recordsRejected progress { taken } modules { module }
        lines { lineNo name kind action status recordsIn recordsOut parameters sample { records cut }
            rejected { reason } log { message } } } } }";
    let answer = world.data(document, json!({})).await;
    let result = &answer["jobResults"]["nodes"][0];
    assert_eq!(result["status"], "SUCCESS", "{result}");
    assert_eq!((&result["recordsIn"], &result["recordsOut"]), (&json!(3), &json!(2)));
    assert_eq!(
        (&result["arguments"], &result["createdAt"]),
        (&json!({"top": 5}), &json!("2026-03-01T08:00:00.000000Z"))
    );
    assert_eq!(result["startedBy"], "token root");
    let lines = result["lines"].as_array().unwrap();
    let kinds: Vec<_> = lines.iter().map(|line| (&line["lineNo"], &line["name"], &line["kind"])).collect();
    let (filter, all) = (json!("FILTER"), json!("all"));
    assert_eq!(kinds, [(&json!(10), &all, &filter), (&json!(20), &Value::Null, &filter)]);
    assert_eq!(lines[1]["sample"], json!({"records": [{"n": 2}, {"n": 3}], "cut": false}));
}

#[tokio::test]
async fn a_page_of_results_with_their_lines_is_two_statements() {
    let world = with_results(30).await;
    let document = "query ($first: Int!) { jobResults(first: $first) { nodes { lines { lineNo } } } }";
    for first in [1, 30] {
        let answer = world.data(document, json!({"first": first})).await;
        assert_eq!(answer["jobResults"]["nodes"].as_array().unwrap().len(), first);
        assert!(answer["jobResults"]["nodes"].as_array().unwrap().iter().all(|node| node["lines"][1]["lineNo"] == 20));
        assert_eq!(world.results.asked(), 2, "{first}");
    }
}

#[tokio::test]
async fn the_total_is_counted_only_when_it_is_asked_for() {
    let world = with_results(3).await;
    world.data("{ jobResults(first: 1) { nodes { id } } }", json!({})).await;
    assert_eq!(world.results.asked(), 1);
    let answer = world.data("{ jobResults(first: 1) { totalCount } jobs { totalCount } }", json!({})).await;
    assert_eq!(world.results.asked(), 2);
    assert_eq!((&answer["jobResults"]["totalCount"], &answer["jobs"]["totalCount"]), (&json!(3), &json!(1)));
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repeat() {
    let world = with_results(5).await;
    let document = "query ($after: String) { jobResults(first: 2, after: $after) {
        edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage endCursor } } }";
    let (mut after, mut seen, mut pages) = (Value::Null, Vec::new(), Vec::new());
    loop {
        let answer = world.data(document, json!({"after": after})).await;
        let page = &answer["jobResults"];
        seen.extend(page["edges"].as_array().unwrap().iter().map(|edge| edge["node"]["id"].clone()));
        pages.push(page["pageInfo"]["hasPreviousPage"].clone());
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    let unique: std::collections::HashSet<_> = seen.iter().collect();
    assert_eq!((seen.len(), unique.len()), (5, 5));
    assert_eq!(pages, [false, true, true]);
}

#[tokio::test]
async fn results_can_be_narrowed_by_job_and_status() {
    let world = with_results(2).await;
    world.save("daily").await;
    world.start("daily").await;
    let document = "{ pending: jobResults(status: PENDING) { nodes { job } }
        weekly: jobResults(job: \"weekly\") { totalCount } none: jobResults(job: \"weekly\", status: KILLED) { totalCount } }";
    let answer = world.data(document, json!({})).await;
    assert_eq!(answer["pending"]["nodes"], json!([{"job": "daily"}]));
    assert_eq!((&answer["weekly"]["totalCount"], &answer["none"]["totalCount"]), (&json!(2), &json!(0)));
}

#[tokio::test]
async fn a_page_that_cannot_be_is_refused() {
    let world = World::new().await;
    let caller = world.caller(Role::Viewer).await;
    for arguments in ["first: 0", "first: 101", "first: -1", "after: \"nonsense\"", "after: \"YWZ0ZXI6bm90LWEtdXVpZA\""]
    {
        let answer =
            world.ask(&caller, &format!("{{ jobResults({arguments}) {{ nodes {{ id }} }} }}"), json!({})).await;
        assert_eq!(code(&answer), "BAD_REQUEST", "{arguments}");
        assert!(answer.errors[0].message.contains("must be"), "{}", answer.errors[0].message);
    }
}

#[tokio::test]
async fn whatever_has_an_id_is_found_by_it_and_only_at_home() {
    let world = with_results(1).await;
    let ids = world
        .data("{ organization { id } job(key: \"weekly\") { id } jobResults { nodes { id uuid } } }", json!({}))
        .await;
    let result = &ids["jobResults"]["nodes"][0];
    let document = "query ($id: ID!) { node(id: $id) { __typename id } jobResult(id: $id) { job } }";
    let stranger = world.administrator("other").await;
    for (id, kind) in
        [(&ids["organization"]["id"], "Organization"), (&ids["job"]["id"], "Job"), (&result["id"], "JobResult")]
    {
        let found = world.data(document, json!({"id": id})).await;
        assert_eq!(found["node"], json!({"__typename": kind, "id": id}));
        let answer = world.ask(&stranger, document, json!({"id": id})).await;
        assert_eq!(answer.data.into_json().unwrap(), json!({"node": null, "jobResult": null}), "{kind}");
    }
    let by_uuid = world.data(document, json!({"id": result["uuid"]})).await;
    assert_eq!(by_uuid, json!({"node": null, "jobResult": {"job": "weekly"}}));
}

#[tokio::test]
async fn actions_are_found_by_either_name() {
    let world = World::new().await;
    let document = "{ actions { name intake parameters } action(name: \"sort\") { module title } none: action(name: \"x\") { name } }";
    let answer = world.data(document, json!({})).await;
    let sort = json!({"name": "standard/sort", "intake": "WHOLE", "parameters": {"type": "object"}});
    let found = json!({"module": "standard", "title": "Sort"});
    assert_eq!(answer, json!({"actions": [sort], "action": found, "none": null}));
}

#[tokio::test]
async fn validating_tells_every_fault_and_saves_nothing() {
    let world = World::new().await;
    let document = "query ($document: JSON!) { validateJob(document: $document) { code path message } }";
    let good = world.data(document, json!({"document": super::world::job("a")})).await;
    assert_eq!(good["validateJob"], json!([]));
    let bad = json!({"key": "a", "lines": [{"action": "sorrt"}, {"action": "sort", "colour": "red"}]});
    let faults = world.data(document, json!({"document": bad})).await;
    assert!(!faults["validateJob"].as_array().unwrap().is_empty());
    assert!(faults["validateJob"].as_array().unwrap().iter().all(|fault| fault["code"] == "INVALID"), "{faults}");
    assert_eq!(world.data("{ jobs { totalCount } }", json!({})).await["jobs"]["totalCount"], 0);
}

#[tokio::test]
async fn a_store_that_is_away_is_said_and_not_quoted() {
    let world = with_results(1).await;
    world.results.broken.store(true, Ordering::SeqCst);
    let answer = world.ask(&world.administrator("main").await, "{ jobResults { nodes { id } } }", json!({})).await;
    assert_eq!(code(&answer), "UNAVAILABLE");
    assert!(!format!("{answer:?}").contains("hunter2"));
}
