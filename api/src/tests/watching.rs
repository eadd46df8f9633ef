//! Watching a job result, without a socket.

use std::time::Duration;

use async_graphql::{Request, Response};
use engine::model::organization::{Access, Role};
use engine::node::events::{Progress, ResultChange, ResultEvent};
use engine::ports::results::Endings;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::world::{World, code};
use crate::budget::MESSAGE_BYTES;
use crate::objects::global_id::result_id;
use crate::options::Options;

const SOON: Duration = Duration::from_secs(5);

fn watch(world: &World, caller: &Access, id: &str) -> BoxStream<'static, Response> {
    let document = format!(
        "subscription {{ jobResultChanged(id: \"{id}\") {{ status progress {{ taken of }} lines {{ lineNo }} }} }}"
    );
    let request = world.state.prepare(Request::new(document), caller.clone(), world.state.budget(MESSAGE_BYTES));
    world.state.schema.execute_stream(request)
}

async fn next(stream: &mut BoxStream<'static, Response>) -> Option<Value> {
    let answer = timeout(SOON, stream.next()).await.expect("something is told soon")?;
    assert_eq!(answer.errors, []);
    Some(answer.data.into_json().unwrap()["jobResultChanged"].take())
}

async fn pending() -> (World, Access, String) {
    // It is read again so rarely that only notices can be why something is told.
    let world = World::with(Options { reread: Duration::from_secs(3600), ..Default::default() }).await;
    world.save("a").await;
    let id = world.start("a").await;
    let caller = world.caller(Role::Viewer).await;
    (world, caller, id)
}

#[tokio::test]
async fn a_watch_begins_with_the_present_and_ends_with_the_end() {
    let (world, caller, id) = pending().await;
    let mut watch = watch(&world, &caller, &id);
    assert_eq!(next(&mut watch).await.unwrap()["status"], "PENDING");
    world.work().await;
    let mut told = Vec::new();
    while let Some(state) = next(&mut watch).await {
        told.push(state);
    }
    let last = told.last().unwrap();
    assert_eq!((&last["status"], last["lines"].as_array().unwrap().len()), (&json!("SUCCESS"), 2));
}

#[tokio::test]
async fn what_has_ended_is_told_once() {
    let (world, caller, id) = pending().await;
    world.work().await;
    let mut watch = watch(&world, &caller, &id);
    assert_eq!(next(&mut watch).await.unwrap()["status"], "SUCCESS");
    assert_eq!(next(&mut watch).await, None);
}

#[tokio::test]
async fn a_watcher_that_fell_behind_still_learns_the_end() {
    let (world, caller, id) = pending().await;
    let mut watch = watch(&world, &caller, &id);
    next(&mut watch).await.unwrap();
    world.work().await;
    let main = caller.organization.id;
    let other = result_id("0197a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b").unwrap();
    for _ in 0..10_000 {
        world.engine.events().publish(ResultEvent { organization: main, result: other, change: ResultChange::Status });
    }
    assert_eq!(next(&mut watch).await.unwrap()["status"], "SUCCESS");
}

#[tokio::test]
async fn without_any_notice_the_store_is_read_again() {
    let world = World::with(Options { reread: Duration::from_millis(20), ..Default::default() }).await;
    world.save("a").await;
    let id = world.start("a").await;
    let caller = world.caller(Role::Viewer).await;
    let mut watch = watch(&world, &caller, &id);
    next(&mut watch).await.unwrap();
    // Killed behind the engine's back: nobody tells.
    let kill = engine::ports::results::Kill {
        at: caller_now(&world),
        message: "gone".into(),
        line_message: String::new(),
        lines: Vec::new(),
        notifications: Vec::new(),
    };
    Endings::kill(&*world.results, caller.scope(), result_id(&id).unwrap(), kill).await.unwrap();
    assert_eq!(next(&mut watch).await.unwrap()["status"], "KILLED");
    assert_eq!(next(&mut watch).await, None);
}

fn caller_now(world: &World) -> engine::model::Instant {
    world.engine.now()
}

#[tokio::test]
async fn progress_is_told_and_what_comes_quickly_is_told_together() {
    let (world, caller, id) = pending().await;
    let mut watch = watch(&world, &caller, &id);
    assert_eq!(next(&mut watch).await.unwrap()["progress"], Value::Null);
    let (organization, result) = (caller.organization.id, result_id(&id).unwrap());
    for taken in 1..=500 {
        let progress = Progress { line_no: 10, line: "all".into(), taken, of: 500 };
        world.engine.events().publish(ResultEvent { organization, result, change: ResultChange::Progress(progress) });
    }
    assert_eq!(next(&mut watch).await.unwrap()["progress"], json!({"taken": 500, "of": 500}));
}

#[tokio::test]
async fn what_is_elsewhere_cannot_be_watched() {
    let (world, _, id) = pending().await;
    let stranger = world.administrator("other").await;
    for id in [id.as_str(), "nonsense"] {
        let mut watch = watch(&world, &stranger, id);
        let answer = timeout(SOON, watch.next()).await.unwrap().unwrap();
        assert_eq!(code(&answer), "NOT_FOUND");
        assert!(watch.next().await.is_none());
    }
}
