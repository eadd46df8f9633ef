use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ring::hmac::{HMAC_SHA256, Key, sign};
use serde_json::json;

use crate::harness::{Harness, faults, harness, refusal};
use engine::execution::start::Start;
use engine::model::Instant;
use engine::model::organization::Access;
use engine::model::refusal::RefusalCode::{Conflict, Invalid, NotFound, Taken, Unauthenticated};
use engine::model::result::JobResult;
use engine::model::token::TokenScope;
use engine::model::webhook::{PayloadKind, Signature, SignatureFault, Webhook};
use engine::node::service_error::ServiceError;
use engine::ports::StoreError;
use engine::services::organizations::NewOrganization;
use engine::services::webhooks::{IssuedWebhook, Message, NewWebhook};

const NOW: i64 = 1_795_167_000;

async fn with_job() -> Harness {
    let harness = harness().await;
    assert_eq!(harness.engine.now(), Instant::from_timestamp(NOW, 0).unwrap());
    harness.save(job("A name", true)).await;
    harness
}

fn job(name: &str, active: bool) -> serde_json::Value {
    let arguments = json!({"properties": {"top": {"type": "integer"}}, "additionalProperties": false});
    json!({"key": "job", "name": name, "active": active, "arguments": arguments, "lines": [{"action": "pass"}]})
}

async fn make(harness: &Harness, key: &str, takes: PayloadKind, signed: bool) -> IssuedWebhook {
    let new = NewWebhook { job: "job".into(), key: key.into(), takes, signed };
    harness.engine.webhooks().create(&harness.access, new).await.unwrap()
}

fn message(body: &str, name: Option<&str>) -> Message {
    Message { body: body.into(), signature: None, name: name.map(str::to_owned) }
}

async fn send(harness: &Harness, token: &str, message: Message) -> Result<JobResult, ServiceError> {
    let open = harness.engine.webhooks().open(token).await.unwrap().expect("the token opens");
    harness.engine.webhooks().receive(&open, message).await
}

/// What a sender that follows Standard Webhooks would send.
fn standard(secret: &str, id: &str, timestamp: i64, body: &str) -> Signature {
    let key = BASE64.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let tag = sign(&Key::new(HMAC_SHA256, &key), format!("{id}.{timestamp}.{body}").as_bytes());
    let signatures = format!("v1,{}", BASE64.encode(tag));
    Signature::Standard { id: id.into(), timestamp: timestamp.to_string(), signatures }
}

fn hub(secret: &str, body: &str) -> Signature {
    let tag = sign(&Key::new(HMAC_SHA256, secret.as_bytes()), body.as_bytes());
    Signature::Hub(format!("sha256={}", tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}

#[tokio::test]
async fn a_message_brings_records_or_arguments() {
    let harness = with_job().await;
    let records = make(&harness, "shop", PayloadKind::Records, false).await;
    let started = send(&harness, &records.token, message(r#"[{"n": 1}, {"n": 2}]"#, None)).await.unwrap();
    assert_eq!((started.started_by.as_str(), started.status.word()), ("webhook shop", "pending"));
    let performed = harness.step().await.unwrap();
    assert_eq!((performed.result.id, performed.result.counters.records_in), (started.id, 2));
    let arguments = make(&harness, "till", PayloadKind::Arguments, false).await;
    let started = send(&harness, &arguments.token, message(r#"{"top": 3}"#, None)).await.unwrap();
    assert_eq!(started.arguments["top"], 3);
    for (token, body) in [(&records.token, "7"), (&arguments.token, "[]"), (&arguments.token, "{")] {
        let refused = refusal(send(&harness, token, message(body, None)).await);
        assert_eq!((refused.code, refused.path.as_str()), (Invalid, "body"), "{body}");
    }
    for (token, body, path) in
        [(&records.token, "[{}, 7]", "records[1]"), (&arguments.token, "{\"x\": 1}", "arguments.x")]
    {
        let faults = faults(send(&harness, token, message(body, None)).await);
        assert_eq!(faults[0].path, path, "{body}");
    }
}

#[tokio::test]
async fn only_the_token_opens_and_only_until_it_is_removed() {
    let harness = with_job().await;
    let made = make(&harness, "shop", PayloadKind::Records, false).await;
    let api = harness.engine.tokens().issue("root", TokenScope::Server, None, None).await.unwrap().text;
    for wrong in
        ["", "rwh_", "../graphql", &made.token[..made.token.len() - 1], &made.token.replace("rwh_", "rw_"), &api]
    {
        assert!(harness.engine.webhooks().open(wrong).await.unwrap().is_none(), "{wrong}");
    }
    assert!(harness.engine.tokens().authenticate(&made.token, None).await.is_err());
    let open = harness.engine.webhooks().open(&made.token).await.unwrap().unwrap();
    harness.engine.webhooks().remove(&harness.access, "job", "shop").await.unwrap();
    let absent = refusal(harness.engine.webhooks().remove(&harness.access, "job", "shop").await);
    assert_eq!((absent.code, absent.path.as_str()), (NotFound, "key"));
    let late = refusal(harness.engine.webhooks().receive(&open, message("", None)).await);
    assert_eq!((late.code, late.path.as_str()), (NotFound, ""), "it was removed while the body was on its way");
    assert_eq!(late.message, "There is no such webhook.");
    assert!(harness.engine.webhooks().open(&made.token).await.unwrap().is_none());
    let again = make(&harness, "shop", PayloadKind::Records, false).await;
    assert!(harness.engine.webhooks().open(&made.token).await.unwrap().is_none(), "another one has the key");
    send(&harness, &again.token, message("", None)).await.unwrap();
}

#[tokio::test]
async fn a_webhook_of_a_deactivated_organization_does_not_open() {
    let harness = with_job().await;
    let made = make(&harness, "shop", PayloadKind::Records, false).await;
    let opens = async || harness.engine.webhooks().open(&made.token).await.unwrap().is_some();
    for active in [true, false, true] {
        harness.set_organization_active(active).await;
        assert_eq!(opens().await, active);
    }
}

#[tokio::test]
async fn a_signed_webhook_takes_signed_messages_only() {
    let harness = with_job().await;
    let made = make(&harness, "shop", PayloadKind::Records, true).await;
    let secret = made.signing_secret.unwrap();
    let send_signed =
        async |body: &str, signature| send(&harness, &made.token, Message { signature, ..message(body, None) }).await;
    let fault = async |body: &str, signature| {
        let refused = refusal(send_signed(body, signature).await);
        assert_eq!((refused.code, refused.path.as_str()), (Unauthenticated, ""), "{refused}");
        refused.message
    };
    send_signed("{}", Some(hub(&secret, "{}"))).await.unwrap();
    send_signed("{}", Some(standard(&secret, "1", NOW - 299, "{}"))).await.unwrap();
    assert_eq!(fault("{}", None).await, SignatureFault::Missing.to_string());
    assert_eq!(fault("{} ", Some(hub(&secret, "{}"))).await, SignatureFault::Wrong.to_string());
    assert_eq!(fault("{}", Some(standard(&secret, "1", NOW - 301, "{}"))).await, SignatureFault::Untimely.to_string());
    let other = make(&harness, "till", PayloadKind::Records, true).await.signing_secret.unwrap();
    assert_eq!(fault("{}", Some(hub(&other, "{}"))).await, SignatureFault::Wrong.to_string(), "of another webhook");
    let unsigned = make(&harness, "open", PayloadKind::Records, false).await;
    assert!(unsigned.signing_secret.is_none());
    let message = Message { signature: Some(hub(&other, "")), ..message("", None) };
    send(&harness, &unsigned.token, message).await.unwrap();
}

#[tokio::test]
async fn what_is_stored_neither_opens_nor_signs() {
    let harness = with_job().await;
    let made = make(&harness, "shop", PayloadKind::Records, true).await;
    let kept = harness.stores.webhooks.webhook(made.webhook.id).await.unwrap().unwrap();
    let secret = made.signing_secret.unwrap();
    let told = format!("{kept:?}");
    assert!(!told.contains(&made.token) && !told.contains(&secret));
    // Somebody who writes to the store gives the webhook's row to another one, or another job.
    let other = make(&harness, "till", PayloadKind::Records, true).await;
    harness.engine.webhooks().remove(&harness.access, "job", "till").await.unwrap();
    let moved = Webhook { sealed: kept.sealed, ..other.webhook };
    harness.stores.webhooks.add_webhook(harness.access.scope(), &moved).await.unwrap();
    let signature = Some(hub(&secret, ""));
    let refused = send(&harness, &other.token, Message { signature, ..message("", None) }).await;
    assert!(matches!(refused, Err(ServiceError::Store(StoreError::Unreadable(_)))), "{refused:?}");
}

#[tokio::test]
async fn a_message_that_comes_again_starts_nothing_whatever_became_of_the_job() {
    let harness = with_job().await;
    let made = make(&harness, "shop", PayloadKind::Records, false).await;
    let first = send(&harness, &made.token, message("[{\"n\": 1, \"m\": 2}]", Some("a"))).await.unwrap();
    for edit in [job("Another name", true), job("Another name", false)] {
        harness.save(edit).await;
        let again = send(&harness, &made.token, message("[ {\"m\": 2, \"n\": 1} ]", Some("a"))).await.unwrap();
        assert_eq!(again.id, first.id);
    }
    let other = refusal(send(&harness, &made.token, message("[{\"n\": 2}]", Some("a"))).await);
    assert_eq!((other.code, other.path.as_str()), (Conflict, "idempotencyKey"));
    assert!(other.message.ends_with(&format!("which made the job result {}.", first.id.0)), "{other}");
    let asleep = refusal(send(&harness, &made.token, message("", Some("b"))).await);
    assert_eq!((asleep.code, asleep.path.as_str()), (Invalid, "job"));
    assert_eq!(asleep.message, "The job `job` is inactive; activate it, or start it manually.");
}

#[tokio::test]
async fn names_of_messages_meet_no_others() {
    let harness = with_job().await;
    let (one, other) = (
        make(&harness, "shop", PayloadKind::Records, false).await,
        make(&harness, "till", PayloadKind::Records, false).await,
    );
    let first = send(&harness, &one.token, message("", Some("a"))).await.unwrap();
    let second = send(&harness, &other.token, message("", Some("a"))).await.unwrap();
    let by_hand = async |name: String| {
        let idempotency_key = Some(name);
        let start = Start { job: "job".into(), records: Some(Vec::new()), idempotency_key, ..Start::default() };
        harness.engine.jobs().start(&harness.access, start).await
    };
    let third = by_hand("a".into()).await.unwrap();
    assert!(first.id != second.id && second.id != third.id && first.id != third.id);
    let stolen = faults(by_hand(one.webhook.id.name("a")).await);
    assert_eq!(stolen[0].path, "idempotencyKey", "{stolen:?}");
    let long = faults(send(&harness, &one.token, message("", Some(&"x".repeat(201)))).await);
    assert_eq!(long[0].path, "idempotencyKey", "{long:?}");
}

#[tokio::test]
async fn a_signed_name_goes_before_one_that_anybody_can_change() {
    let harness = with_job().await;
    let made = make(&harness, "shop", PayloadKind::Records, true).await;
    let secret = made.signing_secret.unwrap();
    let send_as = async |name: &str| {
        let signature = Some(standard(&secret, "msg_1", NOW, ""));
        send(&harness, &made.token, Message { signature, ..message("", Some(name)) }).await.unwrap().id
    };
    assert_eq!(send_as("a").await, send_as("b").await, "it is the same message");
}

#[tokio::test]
async fn a_webhook_is_of_a_job_that_is_there() {
    let harness = with_job().await;
    let create = async |job: &str, key: &str| {
        let new = NewWebhook { job: job.into(), key: key.into(), takes: PayloadKind::Records, signed: false };
        harness.engine.webhooks().create(&harness.access, new).await
    };
    assert!(create("job", "shop").await.is_ok());
    let taken = refusal(create("job", "shop").await);
    assert_eq!((taken.code, taken.path.as_str()), (Taken, "key"));
    let unknown = refusal(create("none", "shop").await);
    assert_eq!((unknown.code, unknown.path.as_str()), (NotFound, "job"));
    for key in ["", "A Key", "-", &"x".repeat(61)] {
        let refused = refusal(create("job", key).await);
        assert_eq!((refused.code, refused.path.as_str()), (Invalid, "key"), "{key}");
    }
}

#[tokio::test]
async fn organizations_have_webhooks_of_their_own() {
    let harness = with_job().await;
    let made = make(&harness, "shop", PayloadKind::Records, false).await;
    let new = NewOrganization { key: "other".into(), name: "Other".into(), time_zone: "UTC".into() };
    let organization = harness.engine.organizations().create(&harness.access, new).await.unwrap();
    let stranger = Access::of_operator(organization, "stranger");
    assert_eq!(refusal(harness.engine.webhooks().remove(&stranger, "job", "shop").await).code, NotFound);
    let started = send(&harness, &made.token, message("", None)).await.unwrap();
    assert!(harness.stores.history.find(stranger.scope(), started.id).await.unwrap().is_none());
    assert!(harness.stores.history.find(harness.access.scope(), started.id).await.unwrap().is_some());
}

#[tokio::test]
async fn it_is_noted_that_a_webhook_is_used() {
    let harness = with_job().await;
    let made = make(&harness, "shop", PayloadKind::Records, false).await;
    let used = async || harness.stores.webhooks.webhook(made.webhook.id).await.unwrap().unwrap().last_used_at;
    send(&harness, &made.token, message("7", None)).await.unwrap_err();
    assert_eq!(used().await, None, "what is refused is no use");
    send(&harness, &made.token, message("", None)).await.unwrap();
    // Nobody waits for the note.
    for _ in 0..1000 {
        if used().await.is_some() {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(used().await, Some(harness.engine.now()));
}
