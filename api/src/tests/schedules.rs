//! Schedules, as callers save, read, preview and remove them.

use serde_json::{Value, json};

use super::world::World;

const SAVE: &str = "mutation ($input: SaveScheduleInput!) { saveSchedule(input: $input) {
    schedule { id key job state active timeZone nextAt dueAt fired awaits document next(count: 2) }
    userErrors { code path message } } }";
const DELETE: &str = "mutation ($input: DeleteScheduleInput!) { deleteSchedule(input: $input) {
    schedule { key } userErrors { code path message } } }";
const PREVIEW: &str = "query ($input: PreviewScheduleInput!) { previewSchedule(input: $input) {
    instants local timeZone userErrors { code path message } } }";
const SAVE_JOB: &str = "mutation ($document: JSON!) { saveJob(input: {document: $document}) {
    job { version schedules { key state nextAt } } userErrors { path message } } }";

fn job(schedules: Value) -> Value {
    json!({"key": "a", "timeZone": "Europe/Madrid", "lines": [{"filter": {}}], "schedules": schedules})
}

async fn save_job(world: &World, schedules: Value) -> Value {
    world.data(SAVE_JOB, json!({"document": job(schedules)})).await["saveJob"].clone()
}

async fn save(world: &World, input: Value) -> Value {
    world.data(SAVE, json!({"input": input})).await["saveSchedule"].clone()
}

async fn preview(world: &World, input: Value) -> Value {
    world.data(PREVIEW, json!({"input": input})).await["previewSchedule"].clone()
}

fn refused(payload: &Value) -> Vec<(&str, &str)> {
    let errors = payload["userErrors"].as_array().unwrap().iter();
    errors.map(|error| (error["code"].as_str().unwrap(), error["path"].as_str().unwrap_or_default())).collect()
}

#[tokio::test]
async fn a_job_is_saved_with_its_schedules_and_tells_them() {
    let world = World::new().await;
    let at = "2198-01-04T06:00:00+01:00";
    let saved =
        save_job(&world, json!([{"key": "once", "at": at}, {"key": "off", "cron": "@daily", "active": false}])).await;
    assert_eq!(
        saved["job"]["schedules"],
        json!([
            {"key": "off", "state": "INACTIVE", "nextAt": null},
            {"key": "once", "state": "ARMED", "nextAt": "2198-01-04T05:00:00.000000Z"}
        ])
    );
    let faulty = save_job(&world, json!([{"key": "a", "cron": "61 * * * *"}, {"key": "a", "interval": -5}])).await;
    let paths: Vec<_> = faulty["userErrors"].as_array().unwrap().iter().map(|error| &error["path"]).collect();
    assert_eq!(paths, ["schedules[0].cron", "schedules[1].key", "schedules[1].interval"]);
    let read = world
        .data("{ schedules { totalCount nodes { job key } } jobs { nodes { schedules { key } } } }", json!({}))
        .await;
    assert_eq!(read["schedules"]["totalCount"], 2);
    assert_eq!(read["schedules"]["nodes"], json!([{"job": "a", "key": "off"}, {"job": "a", "key": "once"}]));
    assert_eq!(read["jobs"]["nodes"][0]["schedules"], json!([{"key": "off"}, {"key": "once"}]));
}

#[tokio::test]
async fn a_schedule_is_saved_read_and_removed() {
    let world = World::new().await;
    save_job(&world, json!([])).await;
    let schedule = json!({"key": "monday", "cron": "0 7 * * 1", "startAt": "2198-01-01"});
    let saved = save(&world, json!({"job": "a", "schedule": schedule, "edits": 1})).await;
    let monday = &saved["schedule"];
    assert_eq!((&monday["state"], &monday["timeZone"]), (&json!("ARMED"), &json!("Europe/Madrid")));
    assert_eq!(monday["next"], json!(["2198-01-01T06:00:00.000000Z", "2198-01-08T06:00:00.000000Z"]));
    assert_eq!((&monday["nextAt"], &monday["dueAt"]), (&monday["next"][0], &monday["next"][0]));
    let node = "query ($id: ID!) { node(id: $id) { ... on Schedule { key job } } }";
    let found = world.data(node, json!({"id": monday["id"]})).await;
    assert_eq!(found["node"], json!({"key": "monday", "job": "a"}));
    let stranger = world.administrator("other").await;
    let hidden = world.ask(&stranger, node, json!({"id": monday["id"]})).await.data.into_json().unwrap();
    assert_eq!(hidden["node"], Value::Null);
    assert_eq!(
        refused(&save(&world, json!({"job": "a", "schedule": schedule, "edits": 1})).await),
        [("CONFLICT", "edits")]
    );
    assert_eq!(refused(&save(&world, json!({"job": "b", "schedule": schedule})).await), [("NOT_FOUND", "job")]);
    let wrong = json!({"key": "monday", "cron": "0 7 * * 8", "at": 5});
    assert_eq!(refused(&save(&world, json!({"job": "a", "schedule": wrong})).await), [("INVALID", "at")]);
    let wrong = json!({"key": "monday", "cron": "0 7 * * 8", "executions": 5});
    assert_eq!(refused(&save(&world, json!({"job": "a", "schedule": wrong})).await), [("INVALID", "cron")]);
    let delete = async |key: &str| {
        world.data(DELETE, json!({"input": {"job": "a", "key": key}})).await["deleteSchedule"].clone()
    };
    assert_eq!(refused(&delete("tuesday").await), [("NOT_FOUND", "key")]);
    assert_eq!(delete("monday").await["schedule"], json!({"key": "monday"}));
    assert_eq!(
        world.data("{ job(key: \"a\") { version schedules { key } } }", json!({})).await["job"],
        json!({"version": 3, "schedules": []})
    );
}

#[tokio::test]
async fn a_schedule_is_previewed_as_wall_clocks_show_it() {
    let world = World::new().await;
    let schedule = json!({"cron": "30 2 * * *", "timeZone": "Europe/Madrid"});
    let told = preview(&world, json!({"schedule": schedule, "from": "2026-03-28T00:00:00Z", "count": 3})).await;
    assert_eq!(told["timeZone"], "Europe/Madrid");
    assert_eq!(
        told["local"],
        json!(["2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"])
    );
    assert_eq!(told["instants"][1], "2026-03-29T01:00:00.000000Z");
    let twice = json!({"interval": "1h", "executions": 2});
    assert_eq!(preview(&world, json!({"schedule": twice})).await["instants"].as_array().unwrap().len(), 2);
    let faulty = preview(&world, json!({"schedule": {"cron": "0 0 30 2 *", "timeZone": "Mars/Olympus"}})).await;
    assert_eq!(refused(&faulty), [("INVALID", "timeZone"), ("INVALID", "cron")]);
    let (other, many) = (world.administrator("other").await, json!({"input": {"schedule": twice, "count": 1001}}));
    assert_eq!(world.ask(&other, PREVIEW, many).await.errors.len(), 1);
}
