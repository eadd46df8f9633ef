use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ring::hmac::{HMAC_SHA256, Key, sign};
use serde_json::json;

use super::harness::{Harness, harness};
use crate::model::Instant;
use crate::model::result::JobResult;
use crate::model::webhook::{Signature, SignatureFault, Takes, Webhook};
use crate::ports::StoreError;
use crate::ports::webhooks::AddError;
use crate::runtime::manage::NewOrganization;
use crate::runtime::start::{Start, StartError};
use crate::runtime::webhooks::{IssuedWebhook, Message, MessageError, NewWebhook, WebhookError};

const NOW: i64 = 1_795_167_000;

async fn with_job() -> Harness {
    let harness = harness().await;
    assert_eq!(harness.engine.clock.now(), Instant::from_timestamp(NOW, 0).unwrap());
    harness.save(job("A name", true)).await;
    harness
}

fn job(name: &str, active: bool) -> serde_json::Value {
    let arguments = json!({"properties": {"top": {"type": "integer"}}, "additionalProperties": false});
    json!({"key": "job", "name": name, "active": active, "arguments": arguments, "lines": [{"action": "pass"}]})
}

async fn make(harness: &Harness, key: &str, takes: Takes, signed: bool) -> IssuedWebhook {
    let new = NewWebhook { job: "job".into(), key: key.into(), takes, signed };
    harness.engine.create_webhook(&harness.access, new).await.unwrap()
}

fn message(body: &str, name: Option<&str>) -> Message {
    Message { body: body.into(), signature: None, name: name.map(str::to_owned) }
}

async fn send(harness: &Harness, token: &str, message: Message) -> Result<JobResult, MessageError> {
    let open = harness.engine.open_webhook(token).await.unwrap().ok_or(MessageError::Gone)?;
    harness.engine.start_by_webhook(&open, message).await
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
    let records = make(&harness, "shop", Takes::Records, false).await;
    let started = send(&harness, &records.token, message(r#"[{"n": 1}, {"n": 2}]"#, None)).await.unwrap();
    assert_eq!((started.started_by.as_str(), started.status.word()), ("webhook shop", "pending"));
    let performed = harness.step().await.unwrap();
    assert_eq!((performed.result.id, performed.result.counters.records_in), (started.id, 2));
    let arguments = make(&harness, "till", Takes::Arguments, false).await;
    let started = send(&harness, &arguments.token, message(r#"{"top": 3}"#, None)).await.unwrap();
    assert_eq!(started.arguments["top"], 3);
    for (token, body) in [(&records.token, "7"), (&arguments.token, "[]"), (&arguments.token, "{")] {
        let refused = send(&harness, token, message(body, None)).await;
        assert!(matches!(refused, Err(MessageError::Body(_))), "{body}");
    }
    for (token, body, path) in
        [(&records.token, "[{}, 7]", "records[1]"), (&arguments.token, "{\"x\": 1}", "arguments.x")]
    {
        let refused = send(&harness, token, message(body, None)).await;
        let Err(MessageError::Start(StartError::Faults(faults))) = refused else { panic!("{body}") };
        assert_eq!(faults[0].path, path);
    }
}

#[tokio::test]
async fn only_the_token_opens_and_only_until_it_is_removed() {
    let harness = with_job().await;
    let made = make(&harness, "shop", Takes::Records, false).await;
    let api = harness.engine.issue_token("root", crate::model::token::Reach::Server, None).await.unwrap().text;
    for wrong in
        ["", "rwh_", "../graphql", &made.token[..made.token.len() - 1], &made.token.replace("rwh_", "rw_"), &api]
    {
        assert!(harness.engine.open_webhook(wrong).await.unwrap().is_none(), "{wrong}");
    }
    assert!(harness.engine.authenticate(&made.token, None).await.is_err());
    let open = harness.engine.open_webhook(&made.token).await.unwrap().unwrap();
    assert!(harness.engine.remove_webhook(&harness.access, "job", "shop").await.unwrap());
    assert!(!harness.engine.remove_webhook(&harness.access, "job", "shop").await.unwrap());
    let late = harness.engine.start_by_webhook(&open, message("", None)).await;
    assert!(matches!(late, Err(MessageError::Gone)), "it was removed while the body was on its way");
    assert!(harness.engine.open_webhook(&made.token).await.unwrap().is_none());
    let again = make(&harness, "shop", Takes::Records, false).await;
    assert!(harness.engine.open_webhook(&made.token).await.unwrap().is_none(), "another one has the key");
    send(&harness, &again.token, message("", None)).await.unwrap();
}

#[tokio::test]
async fn a_signed_webhook_takes_signed_messages_only() {
    let harness = with_job().await;
    let made = make(&harness, "shop", Takes::Records, true).await;
    let secret = made.signing_secret.unwrap();
    let send_signed =
        async |body: &str, signature| send(&harness, &made.token, Message { signature, ..message(body, None) }).await;
    let fault = async |body: &str, signature| match send_signed(body, signature).await {
        Err(MessageError::Signature(fault)) => Some(fault),
        _ => None,
    };
    send_signed("{}", Some(hub(&secret, "{}"))).await.unwrap();
    send_signed("{}", Some(standard(&secret, "1", NOW - 299, "{}"))).await.unwrap();
    assert_eq!(fault("{}", None).await, Some(SignatureFault::Missing));
    assert_eq!(fault("{} ", Some(hub(&secret, "{}"))).await, Some(SignatureFault::Wrong));
    assert_eq!(fault("{}", Some(standard(&secret, "1", NOW - 301, "{}"))).await, Some(SignatureFault::Untimely));
    let other = make(&harness, "till", Takes::Records, true).await.signing_secret.unwrap();
    assert_eq!(fault("{}", Some(hub(&other, "{}"))).await, Some(SignatureFault::Wrong), "of another webhook");
    let unsigned = make(&harness, "open", Takes::Records, false).await;
    assert!(unsigned.signing_secret.is_none());
    let message = Message { signature: Some(hub(&other, "")), ..message("", None) };
    send(&harness, &unsigned.token, message).await.unwrap();
}

#[tokio::test]
async fn what_is_stored_neither_opens_nor_signs() {
    let harness = with_job().await;
    let made = make(&harness, "shop", Takes::Records, true).await;
    let kept = harness.engine.webhooks.webhook(made.webhook.id).await.unwrap().unwrap();
    let secret = made.signing_secret.unwrap();
    let told = format!("{kept:?}");
    assert!(!told.contains(&made.token) && !told.contains(&secret));
    // Somebody who writes to the store gives the webhook's row to another one, or another job.
    let other = make(&harness, "till", Takes::Records, true).await;
    harness.engine.remove_webhook(&harness.access, "job", "till").await.unwrap();
    let moved = Webhook { sealed: kept.sealed, ..other.webhook };
    harness.engine.webhooks.add_webhook(harness.access.scope(), &moved).await.unwrap();
    let signature = Some(hub(&secret, ""));
    let refused = send(&harness, &other.token, Message { signature, ..message("", None) }).await;
    assert!(matches!(refused, Err(MessageError::Store(StoreError::Unreadable(_)))));
}

#[tokio::test]
async fn a_message_that_comes_again_starts_nothing_whatever_became_of_the_job() {
    let harness = with_job().await;
    let made = make(&harness, "shop", Takes::Records, false).await;
    let first = send(&harness, &made.token, message("[{\"n\": 1, \"m\": 2}]", Some("a"))).await.unwrap();
    for edit in [job("Another name", true), job("Another name", false)] {
        harness.save(edit).await;
        let again = send(&harness, &made.token, message("[ {\"m\": 2, \"n\": 1} ]", Some("a"))).await.unwrap();
        assert_eq!(again.id, first.id);
    }
    let other = send(&harness, &made.token, message("[{\"n\": 2}]", Some("a"))).await;
    assert!(matches!(other, Err(MessageError::Start(StartError::Conflict(id))) if id == first.id));
    let asleep = send(&harness, &made.token, message("", Some("b"))).await;
    assert!(matches!(asleep, Err(MessageError::Start(StartError::Inactive(_)))));
}

#[tokio::test]
async fn names_of_messages_meet_no_others() {
    let harness = with_job().await;
    let (one, other) =
        (make(&harness, "shop", Takes::Records, false).await, make(&harness, "till", Takes::Records, false).await);
    let first = send(&harness, &one.token, message("", Some("a"))).await.unwrap();
    let second = send(&harness, &other.token, message("", Some("a"))).await.unwrap();
    let by_hand = |name: String| {
        let records = Some(Vec::new());
        harness.engine.start(
            &harness.access,
            Start { job: "job".into(), records, idempotency_key: Some(name), ..Start::default() },
        )
    };
    let third = by_hand("a".into()).await.unwrap();
    assert!(first.id != second.id && second.id != third.id && first.id != third.id);
    let stolen = by_hand(one.webhook.id.name("a")).await;
    assert!(matches!(&stolen, Err(StartError::Faults(faults)) if faults[0].path == "idempotencyKey"), "{stolen:?}");
    let long = send(&harness, &one.token, message("", Some(&"x".repeat(201)))).await;
    assert!(matches!(long, Err(MessageError::Start(StartError::Faults(_)))));
}

#[tokio::test]
async fn a_signed_name_goes_before_one_that_anybody_can_change() {
    let harness = with_job().await;
    let made = make(&harness, "shop", Takes::Records, true).await;
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
        let new = NewWebhook { job: job.into(), key: key.into(), takes: Takes::Records, signed: false };
        harness.engine.create_webhook(&harness.access, new).await.err()
    };
    assert!(create("job", "shop").await.is_none());
    assert!(matches!(create("job", "shop").await, Some(WebhookError::Refused(AddError::Taken(_)))));
    assert!(matches!(create("none", "shop").await, Some(WebhookError::Refused(AddError::UnknownJob(_)))));
    for key in ["", "A Key", "-", &"x".repeat(61)] {
        assert!(matches!(create("job", key).await, Some(WebhookError::Faults(_))), "{key}");
    }
}

#[tokio::test]
async fn organizations_have_webhooks_of_their_own() {
    let harness = with_job().await;
    let made = make(&harness, "shop", Takes::Records, false).await;
    let new = NewOrganization { key: "other".into(), name: "Other".into(), time_zone: "UTC".into() };
    let organization = harness.engine.create_organization(&harness.access, new).await.unwrap();
    let stranger = crate::runtime::engine::Engine::access_of_operator(organization, "stranger");
    assert!(!harness.engine.remove_webhook(&stranger, "job", "shop").await.unwrap());
    let started = send(&harness, &made.token, message("", None)).await.unwrap();
    assert!(harness.engine.results.find(stranger.scope(), started.id).await.unwrap().is_none());
    assert!(harness.engine.results.find(harness.access.scope(), started.id).await.unwrap().is_some());
}

#[tokio::test]
async fn it_is_noted_that_a_webhook_is_used() {
    let harness = with_job().await;
    let made = make(&harness, "shop", Takes::Records, false).await;
    let used = async || harness.engine.webhooks.webhook(made.webhook.id).await.unwrap().unwrap().last_used_at;
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
    assert_eq!(used().await, Some(harness.engine.clock.now()));
}
