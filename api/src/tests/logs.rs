//! Following a log, without a socket.

use std::time::Duration;

use async_graphql::{Request, Response};
use engine::model::organization::{Access, Role};

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::world::{World, code};
use crate::budget::MESSAGE_BYTES;
use crate::options::Options;

const SOON: Duration = Duration::from_secs(5);

/// A world with a job of two talking lines, which say these texts.
async fn talking(first: Value, second: Value) -> (World, Access, String) {
    // It is read again so rarely that only notices can be why something is told.
    let world = World::with(Options { reread: Duration::from_secs(3600), ..Default::default() }).await;
    let talk = |parameters| json!({"action": "sort", "parameters": parameters, "retry": {"delay": "500ms"}});
    let lines = [json!({"filter": {"source": {"inline": [{"n": 1}]}}}), talk(first), talk(second)];
    world.save_document(json!({"key": "talk", "lines": lines})).await;
    let id = world.start("talk").await;
    let caller = world.caller(Role::Viewer).await;
    (world, caller, id)
}

fn log(world: &World, caller: &Access, id: &str, after: Option<&str>) -> BoxStream<'static, Response> {
    let document = "subscription ($id: ID!, $after: String) { logAppended(jobResult: $id, after: $after) {
        cursor lineNo level message } }";
    let variables = async_graphql::Variables::from_json(json!({"id": id, "after": after}));
    world.state.schema.execute_stream(world.state.prepare(
        Request::new(document).variables(variables),
        caller.clone(),
        world.state.budget(MESSAGE_BYTES),
    ))
}

async fn next(stream: &mut BoxStream<'static, Response>) -> Option<Value> {
    let answer = timeout(SOON, stream.next()).await.expect("something is told soon")?;
    assert_eq!(answer.errors, []);
    Some(answer.data.into_json().unwrap()["logAppended"].take())
}

/// All that is told up to the end, each message with its cursor.
async fn rest(mut stream: BoxStream<'static, Response>) -> Vec<(String, String)> {
    let mut told = Vec::new();
    while let Some(entry) = next(&mut stream).await {
        let text = |name: &str| entry[name].as_str().unwrap().to_owned();
        told.push((text("message"), text("cursor")));
    }
    told
}

fn messages(told: &[(String, String)]) -> Vec<&str> {
    told.iter().map(|(message, _)| message.as_str()).collect()
}

fn work(world: &World) -> tokio::task::JoinHandle<()> {
    let worker = world.engine.worker(1);
    tokio::spawn(async move { drop(worker.step().await.unwrap()) })
}

#[tokio::test]
async fn a_message_is_told_while_its_line_is_at_work() {
    let (world, caller, id) = talking(json!({"say": ["one", "two"]}), json!({"say": ["three"]})).await;
    let mut log = log(&world, &caller, &id, None);
    let working = work(&world);
    for (message, line_no) in [("one", 20), ("two", 20), ("three", 30)] {
        world.permits.add_permits(1);
        let told = next(&mut log).await.unwrap();
        assert_eq!(
            (&told["message"], &told["lineNo"], &told["level"]),
            (&json!(message), &json!(line_no), &json!("INFO"))
        );
    }
    assert_eq!(next(&mut log).await, None);
    working.await.unwrap();
}

#[tokio::test]
async fn whoever_was_cut_off_goes_on_behind_any_cursor() {
    let (world, caller, id) = talking(json!({"say": ["one", "two"]}), json!({"say": ["three", "four"]})).await;
    world.permits.add_permits(4);
    work(&world).await.unwrap();
    let all = rest(log(&world, &caller, &id, None)).await;
    assert_eq!(messages(&all), ["one", "two", "three", "four"]);
    for (index, (_, cursor)) in all.iter().enumerate() {
        assert_eq!(rest(log(&world, &caller, &id, Some(cursor))).await, all[index + 1..], "behind {index}");
    }
}

#[tokio::test]
async fn the_log_of_each_try_is_told() {
    let (world, caller, id) = talking(json!({"say": ["again"], "fail": "temporary"}), json!({"say": ["done"]})).await;
    let mut log = log(&world, &caller, &id, None);
    let working = work(&world);
    let mut cursors = Vec::new();
    for message in ["again", "again", "done"] {
        world.permits.add_permits(1);
        let told = next(&mut log).await.unwrap();
        assert_eq!(told["message"], message);
        cursors.push(told["cursor"].clone());
        world.clock.advance(chrono::TimeDelta::seconds(1));
    }
    assert_ne!(cursors[0], cursors[1]);
    assert_eq!(next(&mut log).await, None);
    working.await.unwrap();
}

#[tokio::test]
async fn the_log_of_a_killed_line_is_told_to_its_end() {
    let (world, caller, id) = talking(json!({"say": ["one", "never"]}), json!({})).await;
    let mut log = log(&world, &caller, &id, None);
    let working = work(&world);
    world.permits.add_permits(1);
    assert_eq!(next(&mut log).await.unwrap()["message"], "one");
    let kill = "mutation ($id: ID!) { killJobResult(input: {id: $id}) { jobResult { status } } }";
    assert_eq!(world.data(kill, json!({"id": id})).await["killJobResult"]["jobResult"]["status"], "KILLED");
    assert_eq!(next(&mut log).await, None);
    working.await.unwrap();
}

#[tokio::test]
async fn a_running_line_and_its_log_are_seen_by_whoever_asks() {
    let (world, _, id) = talking(json!({"say": ["one", "two"]}), json!({})).await;
    let working = work(&world);
    world.permits.add_permits(1);
    let document =
        "query ($id: ID!) { jobResult(id: $id) { lines { lineNo status attempt retryAt log { message at } } } }";
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let answer = world.data(document, json!({"id": id})).await;
        let line = answer["jobResult"]["lines"][1].clone();
        let log = json!([{"message": "one", "at": null}]);
        if line == json!({"lineNo": 20, "status": "RUNNING", "attempt": 1, "retryAt": null, "log": log}) {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{answer}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.permits.add_permits(1);
    working.await.unwrap();
}

#[tokio::test]
async fn only_a_cursor_of_the_log_and_a_result_at_home_are_taken() {
    let (world, caller, id) = talking(json!({"say": ["one"]}), json!({})).await;
    world.permits.add_permits(2);
    work(&world).await.unwrap();
    let other = world.start("talk").await;
    let cursor = rest(log(&world, &caller, &id, None)).await[0].1.clone();
    let stranger = world.administrator("other").await;
    let cases = [
        (log(&world, &caller, &id, Some("nonsense")), "BAD_REQUEST"),
        (log(&world, &caller, &other, Some(&cursor)), "BAD_REQUEST"),
        (log(&world, &stranger, &id, None), "NOT_FOUND"),
        (log(&world, &caller, "nonsense", None), "NOT_FOUND"),
    ];
    for (mut stream, expected) in cases {
        assert_eq!(code(&timeout(SOON, stream.next()).await.unwrap().unwrap()), expected);
    }
}
