//! Filter templates, as callers save, read, try out and remove them.

use engine::model::organization::Role;
use serde_json::{Value, json};

use super::world::{World, code};

const SAVE: &str = "mutation ($input: SaveFilterTemplateInput!) { saveFilterTemplate(input: $input) {
    filterTemplate { id key name version global values document savedBy }
    newest { version } userErrors { code path message } } }";
const DELETE: &str = "mutation ($key: String!) { deleteFilterTemplate(input: {key: $key}) {
    deleted usedBy { job version } userErrors { code path message } } }";
const PREVIEW: &str = "query ($input: PreviewFilterInput!) { previewFilter(input: $input) {
    count read sample { records cut } definition userErrors { code path message } } }";
const SAVE_JOB: &str =
    "mutation ($document: JSON!) { saveJob(input: {document: $document}) { userErrors { path message } } }";

fn template(least: i64) -> Value {
    json!({
        "key": "big",
        "values": {"properties": {"least": {"type": "integer", "default": least}}},
        "source": {"inline": [{"n": 1}, {"n": 5}, {"n": 9}]},
        "where": {"n": {"gte": "$<values.least>"}},
    })
}

async fn save(world: &World, input: Value) -> Value {
    world.data(SAVE, json!({"input": input})).await["saveFilterTemplate"].clone()
}

async fn save_job(world: &World, filter: Value) -> Value {
    let document = json!({"key": "a", "lines": [{"filter": filter}]});
    world.data(SAVE_JOB, json!({"document": document})).await["saveJob"]["userErrors"].clone()
}

fn refused(errors: &Value) -> Vec<(&str, &str)> {
    let errors = errors.as_array().unwrap().iter();
    errors.map(|error| (error["code"].as_str().unwrap(), error["path"].as_str().unwrap_or_default())).collect()
}

#[tokio::test]
async fn saving_makes_versions_and_a_conflict_gives_the_newer_one() {
    let world = World::new().await;
    let first = save(&world, json!({"document": template(5), "edits": 0})).await;
    let saved = &first["filterTemplate"];
    assert_eq!((&saved["key"], &saved["name"], &saved["version"]), (&json!("big"), &json!("big"), &json!(1)));
    assert_eq!((&saved["global"], &saved["document"]), (&json!(false), &template(5)));
    assert_eq!(saved["values"], template(5)["values"]);
    assert_eq!(save(&world, json!({"document": template(6), "edits": 1})).await["filterTemplate"]["version"], 2);
    let late = save(&world, json!({"document": template(7), "edits": 1})).await;
    assert_eq!((&late["filterTemplate"], &late["newest"]["version"]), (&Value::Null, &json!(2)));
    assert_eq!(refused(&late["userErrors"]), [("CONFLICT", "edits")]);
    let absent = save(&world, json!({"document": {"key": "b"}, "edits": 1})).await;
    assert_eq!(refused(&absent["userErrors"]), [("NOT_FOUND", "edits")]);
    let faulty = save(&world, json!({"document": {"key": "b", "limit": -1, "script": "r => r"}})).await;
    assert_eq!(refused(&faulty["userErrors"]), [("INVALID", "script"), ("INVALID", "limit")]);
    let read =
        "{ filterTemplate(key: \"big\", version: 1) { document } none: filterTemplate(key: \"big\", version: 9) { key }
        filterTemplates { totalCount nodes { key version } } }";
    let read = world.data(read, json!({})).await;
    assert_eq!((&read["filterTemplate"]["document"], &read["none"]), (&template(5), &Value::Null));
    assert_eq!(read["filterTemplates"], json!({"totalCount": 1, "nodes": [{"key": "big", "version": 2}]}));
    let node = "query ($id: ID!) { node(id: $id) { id ... on FilterTemplate { version } } }";
    let found = world.data(node, json!({"id": saved["id"]})).await;
    assert_eq!(found["node"], json!({"id": saved["id"], "version": 2}));
    let stranger = world.administrator("other").await;
    let hidden = world.ask(&stranger, node, json!({"id": saved["id"]})).await.data.into_json().unwrap();
    assert_eq!(hidden["node"], Value::Null);
}

#[tokio::test]
async fn jobs_are_kept_from_breaking() {
    let world = World::new().await;
    save(&world, json!({"document": template(5)})).await;
    assert_eq!(save_job(&world, json!({"template": "big", "values": {"least": 2}})).await, json!([]));
    let wrong = save_job(&world, json!({"template": "big", "values": {"least": "two"}})).await;
    assert_eq!(wrong[0]["path"], "lines[0].filter.values.least");
    let breaking = save(&world, json!({"document": {"key": "big"}})).await;
    assert_eq!(refused(&breaking["userErrors"]), [("INVALID", "")]);
    let message = breaking["userErrors"][0]["message"].as_str().unwrap();
    assert!(message.starts_with("job `a` would break: lines[0].filter.values: no value is allowed here"), "{message}");
    let used = world.data("{ filterTemplate(key: \"big\") { usedBy { job version } } }", json!({})).await;
    assert_eq!(used["filterTemplate"]["usedBy"], json!([{"job": "a", "version": 1}]));
    let kept = world.data(DELETE, json!({"key": "big"})).await["deleteFilterTemplate"].clone();
    assert_eq!((&kept["deleted"], &kept["usedBy"]), (&json!(false), &json!([{"job": "a", "version": 1}])));
    assert_eq!(refused(&kept["userErrors"]), [("IN_USE", "key")]);
    save_job(&world, json!({})).await;
    assert_eq!(world.data(DELETE, json!({"key": "big"})).await["deleteFilterTemplate"]["deleted"], true);
    let absent = world.data(DELETE, json!({"key": "big"})).await["deleteFilterTemplate"].clone();
    assert_eq!(refused(&absent["userErrors"]), [("NOT_FOUND", "key")]);
}

#[tokio::test]
async fn what_is_global_needs_a_server_administrator_and_hides_its_users() {
    let world = World::new().await;
    let input = json!({"input": {"document": template(5), "global": true}});
    let editor = world.caller(Role::Editor).await;
    assert_eq!(code(&world.ask(&editor, SAVE, input.clone()).await), "FORBIDDEN");
    assert_eq!(world.data(SAVE, input).await["saveFilterTemplate"]["filterTemplate"]["global"], true);
    let taken = world.ask(&editor, SAVE, json!({"input": {"document": template(5)}})).await.data.into_json().unwrap();
    assert_eq!(refused(&taken["saveFilterTemplate"]["userErrors"]), [("TAKEN", "key")]);
    let job = json!({"document": {"key": "a", "lines": [{"filter": {"template": "big"}}]}});
    world.ask(&world.administrator("other").await, SAVE_JOB, job).await;
    let used = world.data("{ filterTemplate(key: \"big\") { usedBy { job } } }", json!({})).await;
    assert_eq!(used["filterTemplate"]["usedBy"], json!([]), "another organization's jobs are nobody's business");
    assert_eq!(code(&world.ask(&editor, DELETE, json!({"key": "big"})).await), "FORBIDDEN");
    let kept = world.data(DELETE, json!({"key": "big"})).await["deleteFilterTemplate"].clone();
    assert_eq!((refused(&kept["userErrors"]), &kept["usedBy"]), (vec![("IN_USE", "key")], &json!([])));
}

#[tokio::test]
async fn a_filter_is_tried_out_by_whoever_could_write_it() {
    let world = World::new().await;
    save(&world, json!({"document": template(5)})).await;
    let filter = json!({"template": "big", "values": {"least": "$<args.least>"}, "select": ["n"]});
    let input = json!({"input": {"filter": filter, "arguments": {"least": 6}}});
    let found = world.data(PREVIEW, input.clone()).await["previewFilter"].clone();
    assert_eq!((&found["count"], &found["read"]), (&json!(1), &json!(3)));
    assert_eq!(found["sample"], json!({"records": [{"n": 9}], "cut": false}));
    assert_eq!(found["definition"]["where"], json!({"n": {"gte": 6}}));
    let faulty = world.data(PREVIEW, json!({"input": {"filter": {"limit": -1}, "arguments": null}})).await;
    assert_eq!(refused(&faulty["previewFilter"]["userErrors"]), [("INVALID", "filter.limit")]);
    assert_eq!(faulty["previewFilter"]["count"], Value::Null);
    let operator = world.caller(Role::Operator).await;
    assert_eq!(code(&world.ask(&operator, PREVIEW, input).await), "FORBIDDEN");
}
