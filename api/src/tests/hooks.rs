//! Webhooks: made and removed by GraphQL, used over HTTP by whoever has the address.

use std::sync::atomic::Ordering;

use engine::model::organization::Role;
use serde_json::{Value, json};

use super::client::{Answer, Running, served};
use super::world::{World, code, job};
use crate::options::Options;

const CREATE: &str = "mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) {
    webhook { id job key takes signed createdBy createdAt lastUsedAt } path signingSecret userErrors { code path message } } }";
const DELETE: &str = "mutation ($job: String!, $key: String!) { deleteWebhook(input: {job: $job, key: $key}) {
    deleted userErrors { code path } } }";
const JSON: &str = "Content-Type: application/json\r\n";

async fn create(world: &World, input: Value) -> Value {
    world.data(CREATE, json!({"input": input})).await["createWebhook"].take()
}

/// A world with the job `a`, and the path of a webhook of it.
async fn with_webhook(takes: &str) -> (World, String) {
    let world = World::new().await;
    world.save("a").await;
    let made = create(&world, json!({"job": "a", "key": "shop", "takes": takes})).await;
    (world, made["path"].as_str().unwrap().to_owned())
}

/// The same, signed; with the signing secret.
async fn with_signed() -> (World, String, String) {
    let world = World::new().await;
    world.save("a").await;
    let made = create(&world, json!({"job": "a", "key": "shop", "signed": true})).await;
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let (path, secret) = (text("path"), text("signingSecret"));
    (world, path, secret)
}

async fn post(server: &Running, path: &str, headers: &str, body: &str) -> Answer {
    server.call(&format!("POST {path}"), &format!("{JSON}{headers}"), body.as_bytes()).await
}

/// Status and code of a message with this body.
async fn refusal(server: &Running, path: &str, headers: &str, body: &str) -> (u16, String) {
    post(server, path, headers, body).await.refusal()
}

fn said(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

mod signer {
    //! What senders do, with the crate that the engine uses for the same.

    use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
    use ring::hmac::{HMAC_SHA256, Key, sign};

    pub(super) fn hub(secret: &str, body: &str) -> String {
        let tag = sign(&Key::new(HMAC_SHA256, secret.as_bytes()), body.as_bytes());
        let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("X-Hub-Signature-256: sha256={hex}\r\n")
    }

    pub(super) fn standard(secret: &str, id: &str, timestamp: i64, body: &str) -> String {
        let key = BASE64.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let tag = sign(&Key::new(HMAC_SHA256, &key), format!("{id}.{timestamp}.{body}").as_bytes());
        let signature = BASE64.encode(tag);
        format!("webhook-id: {id}\r\nwebhook-timestamp: {timestamp}\r\nwebhook-signature: v1,{signature}\r\n")
    }
}

#[tokio::test]
async fn a_webhook_is_made_listed_found_and_removed() {
    let world = World::new().await;
    world.save("a").await;
    let made = create(&world, json!({"job": "a", "key": "shop"})).await;
    let expected = json!({"job": "a", "key": "shop", "takes": "RECORDS", "signed": false, "createdBy": "token root",
        "createdAt": "2026-03-01T08:00:00.000000Z", "lastUsedAt": null, "id": made["webhook"]["id"]});
    assert_eq!((&made["webhook"], &made["userErrors"]), (&expected, &json!([])));
    assert!(made["path"].as_str().unwrap().starts_with("/hooks/rwh_") && made["signingSecret"].is_null());
    let signed = create(&world, json!({"job": "a", "key": "git", "takes": "ARGUMENTS", "signed": true})).await;
    assert!(signed["signingSecret"].as_str().unwrap().starts_with("whsec_"));
    let listed = "{ jobs { nodes { webhooks { key takes signed } } } }";
    let git = json!({"key": "git", "takes": "ARGUMENTS", "signed": true});
    let shop = json!({"key": "shop", "takes": "RECORDS", "signed": false});
    assert_eq!(world.data(listed, json!({})).await["jobs"]["nodes"][0]["webhooks"], json!([git, shop]));
    let node = "query ($id: ID!) { node(id: $id) { __typename ... on Webhook { key } } }";
    let id = &made["webhook"]["id"];
    let found = world.data(node, json!({"id": id})).await;
    assert_eq!(found["node"], json!({"__typename": "Webhook", "key": "shop"}));
    let stranger = world.administrator("other").await;
    assert_eq!(world.ask(&stranger, node, json!({"id": id})).await.data.into_json().unwrap()["node"], Value::Null);
    let not_found = json!([{"code": "NOT_FOUND", "path": "key"}]);
    let place = json!({"job": "a", "key": "shop"});
    let by_stranger = world.ask(&stranger, DELETE, place.clone()).await.data.into_json().unwrap();
    assert_eq!(by_stranger["deleteWebhook"], json!({"deleted": false, "userErrors": not_found}));
    assert_eq!(world.data(DELETE, place.clone()).await["deleteWebhook"]["deleted"], true);
    assert_eq!(world.data(DELETE, place).await["deleteWebhook"]["userErrors"], not_found);
    assert_eq!(world.data(node, json!({"id": id})).await["node"], Value::Null);
}

#[tokio::test]
async fn a_webhook_that_cannot_be_is_refused() {
    let world = World::new().await;
    world.save("a").await;
    create(&world, json!({"job": "a", "key": "shop"})).await;
    let wrong = [
        (json!({"job": "b", "key": "shop"}), "NOT_FOUND", "job"),
        (json!({"job": "a", "key": "shop"}), "TAKEN", "key"),
        (json!({"job": "a", "key": "My Shop"}), "INVALID", "key"),
    ];
    for (input, kind, path) in wrong {
        let refused = create(&world, input.clone()).await;
        assert_eq!((&refused["webhook"], &refused["path"]), (&Value::Null, &Value::Null));
        assert_eq!(
            (&refused["userErrors"][0]["code"], &refused["userErrors"][0]["path"]),
            (&json!(kind), &json!(path))
        );
    }
    for number in 1..20 {
        create(&world, json!({"job": "a", "key": format!("hook-{number}")})).await;
    }
    let more = create(&world, json!({"job": "a", "key": "more"})).await;
    assert_eq!((&more["userErrors"][0]["code"], &more["userErrors"][0]["path"]), (&json!("INVALID"), &json!("job")));
    let input = json!({"input": {"job": "a", "key": "x"}});
    let operator = world.ask(&world.caller(Role::Operator).await, CREATE, input).await;
    assert_eq!(code(&operator), "FORBIDDEN");
}

#[tokio::test]
async fn a_message_is_answered_with_the_result_that_it_started() {
    let (world, path) = with_webhook("RECORDS").await;
    served(world.engine.clone(), Options::default(), async |server| {
        for (headers, body) in [("", r#"[{"n": 1}]"#), ("", r#"{"n": 1}"#), ("", "")] {
            let answer = post(server, &path, headers, body).await;
            assert_eq!((answer.status, &answer.json()["status"]), (202, &json!("pending")), "{body}");
            assert!(answer.head.contains("cache-control: no-store"));
            let document = "query ($id: ID!) { jobResult(id: $id) { job startedBy } }";
            let found = world.data(document, json!({"id": answer.json()["jobResult"]})).await;
            assert_eq!(found["jobResult"], json!({"job": "a", "startedBy": "webhook shop"}));
        }
        let bare = server.call(&format!("POST {path}"), "", b"").await;
        assert_eq!(bare.status, 202, "nothing has no type");
        let cloud = server.call(&format!("POST {path}"), "Content-Type: application/cloudevents+json\r\n", b"{}").await;
        assert_eq!(cloud.status, 202);
    })
    .await;
    let used = world.data("{ job(key: \"a\") { webhooks { lastUsedAt } } }", json!({})).await;
    assert_eq!(used["job"]["webhooks"][0]["lastUsedAt"], "2026-03-01T08:00:00.000000Z");
}

#[tokio::test]
async fn a_body_may_be_the_arguments() {
    let (world, path) = with_webhook("ARGUMENTS").await;
    served(world.engine.clone(), Options::default(), async |server| {
        let started = post(server, &path, "", r#"{"top": 9}"#).await;
        let document = "query ($id: ID!) { jobResult(id: $id) { arguments } }";
        let found = world.data(document, json!({"id": started.json()["jobResult"]})).await;
        assert_eq!((started.status, &found["jobResult"]["arguments"]), (202, &json!({"top": 9})));
        let refused = post(server, &path, "", r#"{"top": "many", "bottom": 1}"#).await;
        let errors = refused.json()["errors"].take();
        let paths: Vec<_> = errors.as_array().unwrap().iter().map(|error| &error["extensions"]["path"]).collect();
        assert_eq!((refused.status, &errors[0]["extensions"]["code"]), (422, &json!("INVALID")));
        assert!(paths.contains(&&json!("arguments.top")) && paths.contains(&&json!("arguments.bottom")), "{errors}");
    })
    .await;
}

#[tokio::test]
async fn what_opens_nothing_is_answered_alike() {
    let (world, path) = with_webhook("RECORDS").await;
    let gone = create(&world, json!({"job": "a", "key": "gone"})).await["path"].as_str().unwrap().to_owned();
    world.data(DELETE, json!({"job": "a", "key": "gone"})).await;
    served(world.engine.clone(), Options::default(), async |server| {
        let mistyped = format!("{}x", &path[..path.len() - 1]);
        let api = format!("/hooks/{}", world.root);
        let known: Vec<_> = [&gone, &mistyped, &api, "/hooks/x", "/hooks/..%2f", "/hooks/%00%ff", "/hooks/a/b"].into();
        let mut told = Vec::new();
        for unknown in &known {
            // Whatever else is wrong with the message.
            for (headers, body) in [(JSON, "{}"), (JSON, "{"), ("Content-Type: text/plain\r\n", "x")] {
                let answer = server.call(&format!("POST {unknown}"), headers, body.as_bytes()).await;
                assert_eq!(answer.refusal(), said(404, "NOT_FOUND"), "{unknown}");
                told.push(answer.body);
            }
        }
        assert!(told.iter().all(|body| *body == told[0]));
        let huge = vec![b' '; 8 << 20];
        assert_eq!(server.call(&format!("POST {gone}"), JSON, &huge).await.status, 404, "its body is not read");
        for method in ["GET", "PUT", "HEAD", "DELETE", "OPTIONS"] {
            for path in [&path, &gone] {
                let answer = server.call(&format!("{method} {path}"), JSON, b"{}").await;
                assert!(answer.status == 405 && answer.head.contains("allow: post"), "{method}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    let (world, path) = with_webhook("RECORDS").await;
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    served(world.engine.clone(), Options::default(), async |server| {
        for body in ["7", "null", "\"x\"", "{", " ", "[{}] x", "{\"a\": 1, \"a\": 2}", "[18446744073709551616]", &deep]
        {
            assert_eq!(refusal(server, &path, "", body).await, said(400, "BAD_REQUEST"), "{body:.20}");
        }
        assert_eq!(refusal(server, &path, "", "[{}, 7]").await, said(422, "INVALID"));
        let long = format!("Idempotency-Key: {}\r\n", "x".repeat(201));
        assert_eq!(refusal(server, &path, &long, "{}").await, said(422, "INVALID"));
        assert_eq!(refusal(server, &path, "Idempotency-Key: ñ\r\n", "{}").await, said(400, "BAD_REQUEST"));
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "json"] {
            let headers = format!("Content-Type: {kind}\r\n");
            let answer = server.call(&format!("POST {path}"), &headers, b"{}").await;
            assert_eq!(answer.refusal(), said(415, "BAD_REQUEST"), "{kind}");
        }
        assert_eq!(server.call(&format!("POST {path}"), "", b"{}").await.refusal(), said(415, "BAD_REQUEST"));
        let huge = " ".repeat(8 << 20);
        assert_eq!(refusal(server, &path, "", &huge).await, said(413, "TOO_LARGE"));
        let full = format!("{{\"a\": \"{}\"}}", "x".repeat((1 << 20) - 9));
        assert_eq!((full.len(), post(server, &path, "", &full).await.status), (1 << 20, 202), "the last that fits");
        assert_eq!(refusal(server, &path, "", &format!("{full} ")).await, said(413, "TOO_LARGE"));
    })
    .await;
}

#[tokio::test]
async fn only_what_is_signed_starts_a_signed_webhook() {
    let (world, path, secret) = with_signed().await;
    let now = world.engine.now().timestamp();
    let body = r#"{"n": 1}"#;
    served(world.engine.clone(), Options::default(), async |server| {
        let hub = signer::hub(&secret, body);
        assert_eq!(post(server, &path, &hub, body).await.status, 202);
        assert_eq!(post(server, &path, &signer::standard(&secret, "1", now - 300, body), body).await.status, 202);
        let untimely = signer::standard(&secret, "2", now - 301, body);
        let changed = signer::standard(&secret, "3", now, body).replace("webhook-id: 3", "webhook-id: 4");
        let nameless = signer::standard(&secret, "5", now, body).replace("webhook-id: 5\r\n", "");
        let both = format!("{hub}webhook-id: 6\r\nwebhook-timestamp: {now}\r\nwebhook-signature: v1,AAAA\r\n");
        let wrong =
            ["", &untimely, &changed, &nameless, &both, "X-Hub-Signature-256: sha256=\r\n", "X-Hub-Signature: x\r\n"];
        for headers in wrong {
            let answer = post(server, &path, headers, body).await;
            assert_eq!(answer.refusal(), said(401, "UNAUTHENTICATED"), "{headers}");
            assert!(!answer.head.contains("bearer"), "{}", answer.head);
        }
        let unsigned = format!("Authorization: Bearer {}\r\n", world.root);
        assert_eq!(post(server, &path, &unsigned, body).await.status, 401, "an API token signs nothing");
        for other in ["{", r#"{"n": 2}"#, "[]", ""] {
            assert_eq!(post(server, &path, &hub, other).await.status, 401, "{other}");
        }
        assert_eq!(refusal(server, &path, &signer::hub(&secret, "{"), "{").await, said(400, "BAD_REQUEST"));
    })
    .await;
}

#[tokio::test]
async fn a_message_is_known_by_the_first_of_its_names() {
    let (world, path) = with_webhook("RECORDS").await;
    served(world.engine.clone(), Options::default(), async |server| {
        let send = async |headers: &str, body: &str| {
            let answer = post(server, &path, headers, body).await;
            assert_eq!(answer.status, 202);
            answer.body
        };
        let first = send("Idempotency-Key: a\r\nwebhook-id: b\r\nX-GitHub-Delivery: c\r\n", "{}").await;
        assert_eq!(send("Idempotency-Key: a\r\n", " { } ").await, first);
        let second = send("webhook-id: b\r\nX-GitHub-Delivery: c\r\n", "{}").await;
        assert_eq!(send("webhook-id: b\r\n", "{}").await, second);
        let third = send("X-GitHub-Delivery: c\r\n", "{}").await;
        assert!(first != second && second != third && first != third && send("", "{}").await != send("", "{}").await);
        assert_eq!(refusal(server, &path, "Idempotency-Key: a\r\n", "[]").await, said(409, "CONFLICT"));
        let mut edited = job("a");
        edited["name"] = json!("Another name");
        world.save_document(edited).await;
        assert_eq!(send("Idempotency-Key: a\r\n", "{}").await, first, "the job was edited meanwhile");
    })
    .await;
}

#[tokio::test]
async fn a_replayed_message_starts_nothing_more() {
    let (world, path, secret) = with_signed().await;
    let headers = signer::standard(&secret, "msg_1", world.engine.now().timestamp(), "{}");
    served(world.engine.clone(), Options::default(), async |server| {
        let first = post(server, &path, &headers, "{}").await;
        let again = post(server, &path, &headers, "{}").await;
        let renamed = post(server, &path, &format!("Idempotency-Key: other\r\n{headers}"), "{}").await;
        assert_eq!((first.status, &first.body), (202, &again.body));
        assert_eq!(first.body, renamed.body, "whoever saw it cannot send it under another name");
    })
    .await;
    let counted = world.data("{ jobResults { totalCount } }", json!({})).await;
    assert_eq!(counted["jobResults"]["totalCount"], 1);
}

#[tokio::test]
async fn an_inactive_job_is_not_started() {
    let (world, path) = with_webhook("RECORDS").await;
    let mut asleep = job("a");
    asleep["active"] = json!(false);
    world.save_document(asleep).await;
    served(world.engine.clone(), Options::default(), async |server| {
        assert_eq!(refusal(server, &path, "", "{}").await, said(409, "CONFLICT"));
    })
    .await;
}

#[tokio::test]
async fn a_store_that_is_away_is_said_and_not_quoted() {
    let (world, path) = with_webhook("RECORDS").await;
    world.results.broken.store(true, Ordering::SeqCst);
    served(world.engine.clone(), Options::default(), async |server| {
        let answer = post(server, &path, "Idempotency-Key: a\r\n", "{}").await;
        assert_eq!(answer.refusal(), said(503, "UNAVAILABLE"));
        assert!(!String::from_utf8_lossy(&answer.body).contains("hunter2"));
    })
    .await;
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (world, path) = with_webhook("RECORDS").await;
    let options = Options { timeout: std::time::Duration::from_millis(200), ..Default::default() };
    served(world.engine.clone(), options, async |server| {
        let mut stream = tokio::net::TcpStream::connect(&server.address).await.unwrap();
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{JSON}Content-Length: 100\r\n\r\n[");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).await.unwrap();
        assert!(status.ends_with(b"503"));
    })
    .await;
}

#[tokio::test]
async fn a_webhook_takes_so_many_messages_in_a_minute() {
    let (world, path) = with_webhook("RECORDS").await;
    let set = "mutation ($input: SetQuotasInput!) { setQuotas(input: $input) {
        organization { quotas { messagesPerMinute startsPerMinute } openResults } userErrors { message } } }";
    let answer = world.data(set, json!({"input": {"messagesPerMinute": 2}})).await;
    let expected = json!({"quotas": {"messagesPerMinute": 2, "startsPerMinute": 30_000}, "openResults": 0});
    assert_eq!(answer["setQuotas"], json!({"organization": expected, "userErrors": []}));
    served(world.engine.clone(), Options::default(), async |server| {
        for _ in 0..2 {
            assert_eq!(post(server, &path, "", "[]").await.status, 202);
        }
        let refused = post(server, &path, "", "[]").await;
        assert_eq!(refused.refusal(), said(429, "TOO_MANY_REQUESTS"));
        assert!(refused.head.contains("retry-after: 30"), "{}", refused.head);
    })
    .await;
    let kill =
        "mutation { killJobResults(input: {job: \"a\", reason: \"a test\"}) { killed complete userErrors { code } } }";
    let killed = world.data(kill, json!({})).await;
    assert_eq!(killed["killJobResults"], json!({"killed": 2, "complete": true, "userErrors": []}));
}

#[tokio::test]
async fn a_token_sends_so_many_requests_in_a_minute() {
    let world = World::new().await;
    world.data("mutation { setQuotas(input: {requestsPerMinute: 1}) { userErrors { code } } }", json!({})).await;
    let token = world.token(Role::Viewer).await;
    served(world.engine.clone(), Options::default(), async |server| {
        let body = json!({"query": "{ viewer { role } }"});
        let first = server.post(&token, &body).await;
        assert_eq!(first.status, 200, "{}", first.json());
        assert_eq!(server.post(&token, &body).await.refusal(), said(429, "TOO_MANY_REQUESTS"));
    })
    .await;
}
