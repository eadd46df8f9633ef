//! Subscriptions, over a real socket.

use std::time::Duration;

use engine::model::organization::Role;
use engine::model::token::ParsedToken;
use serde_json::{Value, json};

use super::client::{Heard, Running, Socket, served};
use super::world::World;
use crate::options::Options;

fn init(token: &str) -> Value {
    json!({"type": "connection_init", "payload": {"authorization": format!("Bearer {token}")}})
}

fn subscribe(id: &str, result: &str) -> Value {
    let query = "subscription ($id: ID!) { jobResultChanged(id: $id) { status } }";
    json!({"id": id, "type": "subscribe", "payload": {"query": query, "variables": {"id": result}}})
}

fn status(status: &str) -> Heard {
    Heard::Message(json!({"id": "1", "type": "next", "payload": {"data": {"jobResultChanged": {"status": status}}}}))
}

fn quick() -> Options {
    let quick = Duration::from_millis(50);
    Options { recheck: quick, greeting: Duration::from_millis(400), reread: quick, ..Default::default() }
}

async fn greeted(server: &Running, token: &str) -> Socket {
    let mut socket = server.open("").await;
    socket.say(&init(token)).await;
    assert_eq!(socket.hear().await, Heard::Message(json!({"type": "connection_ack"})));
    socket
}

#[tokio::test]
async fn a_result_is_watched_to_its_end() {
    let world = World::new().await;
    world.save("a").await;
    let id = world.start("a").await;
    let token = world.token(Role::Viewer).await;
    served(world.engine.clone(), quick(), async |server| {
        let mut socket = greeted(server, &token).await;
        socket.say(&json!({"type": "ping"})).await;
        assert_eq!(socket.hear().await, Heard::Message(json!({"type": "pong"})));
        socket.say(&subscribe("1", &id)).await;
        assert_eq!(socket.hear().await, status("PENDING"));
        world.work().await;
        while let heard = socket.hear().await
            && heard != status("SUCCESS")
        {
            assert_eq!(heard, status("RUNNING"));
        }
        assert_eq!(socket.hear().await, Heard::Message(json!({"id": "1", "type": "complete"})));
        // The id is free again.
        socket.say(&subscribe("1", &id)).await;
        assert_eq!(socket.hear().await, status("SUCCESS"));
    })
    .await;
}

#[tokio::test]
async fn a_token_in_the_headers_is_as_good() {
    let world = World::new().await;
    served(world.engine.clone(), quick(), async |server| {
        let mut socket = server.open(&format!("Authorization: Bearer {}\r\n", world.root)).await;
        socket.say(&json!({"type": "connection_init"})).await;
        assert_eq!(socket.hear().await, Heard::Message(json!({"type": "connection_ack"})));
    })
    .await;
}

#[tokio::test]
async fn each_breach_has_its_close_code() {
    let world = World::new().await;
    served(world.engine.clone(), quick(), async |server| {
        let mut unknown = server.open("").await;
        unknown.say(&init("nonsense")).await;
        assert_eq!(unknown.hear().await, Heard::Closed(4403));
        let mut nobody = server.open("").await;
        nobody.say(&json!({"type": "connection_init"})).await;
        assert_eq!(nobody.hear().await, Heard::Closed(4403));
        let mut early = server.open("").await;
        early.say(&subscribe("1", "x")).await;
        assert_eq!(early.hear().await, Heard::Closed(4401));
        assert_eq!(server.open("").await.hear().await, Heard::Closed(4408));
        let mut twice = greeted(server, &world.root).await;
        twice.say(&init(&world.root)).await;
        assert_eq!(twice.hear().await, Heard::Closed(4429));
        for message in [json!([]), json!({"type": "start", "id": "1", "payload": {}})] {
            let mut invalid = greeted(server, &world.root).await;
            invalid.say(&message).await;
            assert_eq!(invalid.hear().await, Heard::Closed(4400));
        }
        let mut binary = greeted(server, &world.root).await;
        binary.frame(0x82, b"{\"type\":\"ping\"}").await;
        assert_eq!(binary.hear().await, Heard::Closed(4400));
    })
    .await;
}

#[tokio::test]
async fn an_id_is_used_once_at_a_time_and_there_are_only_so_many() {
    let world = World::new().await;
    world.save("a").await;
    let id = world.start("a").await;
    served(world.engine.clone(), Options { subscriptions: 2, ..quick() }, async |server| {
        let mut socket = greeted(server, &world.root).await;
        for number in ["1", "2"] {
            socket.say(&subscribe(number, &id)).await;
            assert!(matches!(socket.hear().await, Heard::Message(_)));
        }
        socket.say(&subscribe("3", &id)).await;
        let Heard::Message(refused) = socket.hear().await else { panic!("the socket stays open") };
        assert_eq!((&refused["type"], &refused["id"]), (&json!("error"), &json!("3")));
        assert_eq!(refused["payload"][0]["extensions"]["code"], "TOO_COMPLEX");
        // What is completed makes room, and its id can be used again.
        socket.say(&json!({"id": "1", "type": "complete"})).await;
        socket.say(&subscribe("1", &id)).await;
        assert_eq!(socket.hear().await, status("PENDING"));
        socket.say(&subscribe("1", &id)).await;
        assert_eq!(socket.hear().await, Heard::Closed(4409));
    })
    .await;
}

#[tokio::test]
async fn documents_meet_the_same_walls_and_only_subscriptions_pass() {
    let world = World::new().await;
    let aliases: String = (0..2_000).map(|number| format!("a{number}: __typename ")).collect();
    let documents = [
        ("{ viewer { who } }".to_owned(), "BAD_REQUEST"),
        ("mutation { createToken(input: {name: \"t\", server: true}) { token } }".to_owned(), "BAD_REQUEST"),
        ("subscription { nothing }".to_owned(), "BAD_REQUEST"),
        ("subscription { jobResultChanged(id: \"x\") { id } }".to_owned(), "NOT_FOUND"),
        (format!("subscription {{ {aliases} }}"), "TOO_COMPLEX"),
    ];
    served(world.engine.clone(), quick(), async |server| {
        let mut socket = greeted(server, &world.root).await;
        for (query, code) in documents {
            socket.say(&json!({"id": "1", "type": "subscribe", "payload": {"query": query}})).await;
            let Heard::Message(refused) = socket.hear().await else { panic!("the socket stays open") };
            assert_eq!(
                (&refused["type"], &refused["payload"][0]["extensions"]["code"]),
                (&json!("error"), &json!(code)),
                "{query}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn an_open_socket_ends_with_its_token() {
    let world = World::new().await;
    let end = "2026-03-01T08:00:01Z".parse().unwrap();
    let token = world.token_until(Role::Viewer, Some(end)).await;
    world.save("a").await;
    let id = world.start("a").await;
    served(world.engine.clone(), quick(), async |server| {
        let mut socket = greeted(server, &token).await;
        socket.say(&subscribe("1", &id)).await;
        assert_eq!(socket.hear().await, status("PENDING"));
        world.clock.advance(chrono::TimeDelta::seconds(1));
        assert_eq!(socket.hear().await, Heard::Closed(4403));
    })
    .await;
}

#[tokio::test]
async fn an_open_socket_ends_within_five_seconds_when_its_token_is_revoked() {
    assert!(Options::default().recheck < Duration::from_secs(5));
    let world = World::new().await;
    let token = world.token(Role::Viewer).await;
    served(world.engine.clone(), quick(), async |server| {
        let mut socket = greeted(server, &token).await;
        let id = ParsedToken::parse(&token).unwrap().id;
        world.engine.tokens().revoke(&world.administrator("main").await, id, false).await.unwrap();
        assert_eq!(socket.hear().await, Heard::Closed(4403));
    })
    .await;
}

#[tokio::test]
async fn a_message_that_is_too_long_ends_the_socket() {
    let world = World::new().await;
    served(world.engine.clone(), Options { body_limit: 1000, ..quick() }, async |server| {
        let mut socket = greeted(server, &world.root).await;
        socket.frame(0x81, &vec![b' '; 100_000]).await;
        assert!(matches!(socket.hear().await, Heard::Closed(_)));
    })
    .await;
}

#[tokio::test]
async fn only_so_many_sockets_are_open() {
    let world = World::new().await;
    served(world.engine.clone(), Options { sockets: 1, ..quick() }, async |server| {
        let first = greeted(server, &world.root).await;
        let mut second = server.open("").await;
        second.say(&init(&world.root)).await;
        assert_eq!(second.hear().await, Heard::Closed(1013));
        drop(first);
        let plain = server.call("GET /graphql/ws", "", b"").await;
        assert_eq!(plain.refusal(), (400, "BAD_REQUEST".into()));
    })
    .await;
}

#[tokio::test]
async fn only_so_many_sockets_wait_for_their_greeting() {
    let world = World::new().await;
    let options = Options { greetings_from_one_address: 1, greeting: Duration::from_secs(5), ..quick() };
    served(world.engine.clone(), options, async |server| {
        let silent = server.open("").await;
        let headers = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
            Sec-WebSocket-Protocol: graphql-transport-ws\r\nConnection: Upgrade\r\n";
        assert_eq!(server.call("GET /graphql/ws", headers, b"").await.refusal(), (503, "UNAVAILABLE".into()));
        drop(silent);
    })
    .await;
}

#[tokio::test]
async fn a_server_that_stops_says_goodbye() {
    let world = World::new().await;
    let server = Running::of(world.engine.clone(), quick()).await;
    let mut socket = greeted(&server, &world.root).await;
    let (heard, ()) = tokio::join!(socket.hear(), server.stop());
    assert_eq!(heard, Heard::Closed(1001));
}
