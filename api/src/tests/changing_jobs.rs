//! Jobs that callers change in part, switch on and off, and delete.

use std::sync::Arc;

use engine::model::module::Owner;
use engine::model::organization::Role;
use serde_json::{Value, json};

use super::client::served;
use super::world::{World, job};
use crate::options::Options;

const UPDATE: &str = "mutation ($input: UpdateJobInput!) { updateJob(input: $input) {
    job { version document } newest { version } userErrors { code path message } } }";
const SET_ACTIVE: &str = "mutation ($input: SetJobActiveInput!) { setJobActive(input: $input) {
    job { version active } userErrors { code path message } } }";
const DELETE: &str = "mutation ($input: DeleteJobInput!) { deleteJob(input: $input) {
    deleted killed userErrors { code path message } } }";

fn refused(payload: &Value) -> Vec<(&str, &str)> {
    let errors = payload["userErrors"].as_array().unwrap().iter();
    errors.map(|error| (error["code"].as_str().unwrap(), error["path"].as_str().unwrap_or_default())).collect()
}

impl World {
    async fn update(&self, input: Value) -> Value {
        self.data(UPDATE, json!({"input": input})).await["updateJob"].take()
    }

    async fn set_active(&self, key: &str, active: bool) -> Value {
        let input = json!({"key": key, "active": active});
        self.data(SET_ACTIVE, json!({"input": input})).await["setJobActive"].take()
    }

    async fn delete(&self, input: Value) -> Value {
        self.data(DELETE, json!({"input": input})).await["deleteJob"].take()
    }
}

#[tokio::test]
async fn a_job_is_changed_in_part() {
    let world = World::new().await;
    world.save("a").await;
    let updated = world.update(json!({"key": "a", "changes": {"priority": 7, "name": null}, "edits": 1})).await;
    let mut expected = job("a");
    expected.as_object_mut().unwrap().shift_remove("name");
    expected["priority"] = json!(7);
    assert_eq!((&updated["job"]["version"], &updated["job"]["document"]), (&json!(2), &expected));
    let late = world.update(json!({"key": "a", "changes": {"priority": 8}, "edits": 1})).await;
    assert_eq!((refused(&late), &late["newest"]["version"]), (vec![("CONFLICT", "edits")], &json!(2)));
    assert_eq!(late["job"], Value::Null);
    let faulty = json!({"priorty": 1, "lines": [{"action": "nothing-like-it"}]});
    let faulty = world.update(json!({"key": "a", "changes": faulty})).await;
    assert_eq!(refused(&faulty), [("INVALID", "priorty"), ("INVALID", "lines[0].action")]);
    assert_eq!(refused(&world.update(json!({"key": "b", "changes": {}})).await), [("NOT_FOUND", "key")]);
    for changes in [json!([]), json!("active")] {
        assert_eq!(refused(&world.update(json!({"key": "a", "changes": changes})).await), [("INVALID", "changes")]);
    }
    let stranger = world.administrator("other").await;
    let input = json!({"key": "a", "changes": {"priority": 9}});
    let hidden = world.ask(&stranger, UPDATE, json!({"input": input})).await.data.into_json().unwrap();
    assert_eq!(refused(&hidden["updateJob"]), [("NOT_FOUND", "key")]);
}

#[tokio::test]
async fn a_job_is_switched_off_and_on_and_its_schedules_with_it() {
    let world = World::new().await;
    let mut document = job("a");
    document["schedules"] = json!([{"key": "often", "interval": "1h"}]);
    world.save_document(document).await;
    let state = async || {
        let schedule = world.data("{ schedule(job: \"a\", key: \"often\") { state } }", json!({})).await;
        schedule["schedule"]["state"].as_str().unwrap().to_owned()
    };
    let off = world.set_active("a", false).await;
    assert_eq!(off, json!({"job": {"version": 2, "active": false}, "userErrors": []}));
    assert_eq!(state().await, "INACTIVE");
    assert_eq!(world.set_active("a", false).await["job"]["version"], 2, "it is so already");
    assert_eq!(world.set_active("a", true).await["job"], json!({"version": 3, "active": true}));
    assert_eq!(state().await, "ARMED");
    assert_eq!(refused(&world.set_active("b", true).await), [("NOT_FOUND", "key")]);
}

#[tokio::test]
async fn the_versions_of_modules_stay_unless_lines_change() {
    let world = World::new().await;
    let caller = world.caller(Role::Admin).await;
    let install = async |component: &str| {
        let owner = Owner::Organization;
        world.engine.modules().install_component(&caller, Arc::from(component.as_bytes()), owner).await.unwrap();
    };
    let pinned = async || {
        let saved = world.engine.jobs().find(caller.scope(), "mailing", None).await.unwrap().unwrap();
        saved.pins.into_iter().map(|pin| pin.module.version).collect::<Vec<_>>()
    };
    install("shop@1.0.0").await;
    let lines = json!([{"action": "send"}]);
    world.save_document(json!({"key": "mailing", "lines": lines})).await;
    install("shop@1.1.0").await;
    world.set_active("mailing", false).await;
    world.update(json!({"key": "mailing", "changes": {"priority": 1}})).await;
    assert_eq!(pinned().await, ["1.0.0"]);
    world.update(json!({"key": "mailing", "changes": {"lines": lines}})).await;
    assert_eq!(pinned().await, ["1.1.0"]);
}

#[tokio::test]
async fn a_deleted_job_is_gone_for_all_but_its_results() {
    let world = World::new().await;
    world.save("a").await;
    let hook = "mutation { createWebhook(input: {job: \"a\", key: \"shop\"}) { path } }";
    let path = world.data(hook, json!({})).await["createWebhook"]["path"].as_str().unwrap().to_owned();
    let result = world.start("a").await;
    let open = world.delete(json!({"key": "a"})).await;
    assert_eq!((refused(&open), &open["deleted"]), (vec![("IN_USE", "key")], &json!(false)));
    let message = "1 result of the job has not ended; wait for the end, or delete the job with `killOpen: true`.";
    assert_eq!(open["userErrors"][0]["message"], message);
    world.work().await;
    assert_eq!(refused(&world.delete(json!({"key": "a", "edits": 2})).await), [("CONFLICT", "edits")]);
    let deleted = world.delete(json!({"key": "a", "edits": 1})).await;
    assert_eq!(deleted, json!({"deleted": true, "killed": 0, "userErrors": []}));
    assert_eq!(refused(&world.delete(json!({"key": "a"})).await), [("NOT_FOUND", "key")]);
    let read = "query ($id: ID!) { job(key: \"a\") { key } jobs { totalCount }
        jobResults(job: \"a\") { nodes { id job version status } } jobResult(id: $id) { lines { lineNo status log { message } } } }";
    let seen = world.data(read, json!({"id": result})).await;
    assert_eq!((&seen["job"], &seen["jobs"]["totalCount"]), (&Value::Null, &json!(0)));
    let kept = json!([{"id": result, "job": "a", "version": 1, "status": "SUCCESS"}]);
    assert_eq!(seen["jobResults"]["nodes"], kept);
    assert_eq!(seen["jobResult"]["lines"].as_array().unwrap().len(), 2);
    served(world.engine.clone(), Options::default(), async |server| {
        let headers = "Content-Type: application/json\r\n";
        assert_eq!(server.call(&format!("POST {path}"), headers, b"[]").await.status, 404);
    })
    .await;
    world.save("a").await;
    let again = "{ job(key: \"a\") { version webhooks { key } } }";
    assert_eq!(world.data(again, json!({})).await["job"], json!({"version": 2, "webhooks": []}));
}

#[tokio::test]
async fn open_results_are_killed_with_the_job_if_the_caller_says_so() {
    let world = World::new().await;
    world.save("a").await;
    let result = world.start("a").await;
    let deleted = world.delete(json!({"key": "a", "killOpen": true})).await;
    assert_eq!(deleted, json!({"deleted": true, "killed": 1, "userErrors": []}));
    let read = "query ($id: ID!) { jobResult(id: $id) { status message } }";
    let killed = json!({"status": "KILLED", "message": "Killed by token root, who deleted the job."});
    assert_eq!(world.data(read, json!({"id": result})).await["jobResult"], killed);
}

#[tokio::test]
async fn a_misspelt_field_hides_no_wrong_operator() {
    let world = World::new().await;
    let lines = json!([{"filter": {"wher": {}, "where": {"n": {"grt": 1}}}}]);
    let query = "query ($document: JSON!) { validateJob(document: $document) { path } }";
    let told = world.data(query, json!({"document": {"key": "a", "lines": lines}})).await;
    let expected = json!([{"path": "lines[0].filter.wher"}, {"path": "lines[0].filter.where.n.grt"}]);
    assert_eq!(told["validateJob"], expected);
}
