//! Webhooks: stored with their job, and found only by their token.

use serde_json::json;
use uuid::Uuid;

use super::Stores;
use super::samples::{at, neighbours, new_version, scope};
use engine::model::organization::OrgScope;
use engine::model::webhook::{MOST_OF_A_JOB, PayloadKind, Sealed, Webhook, WebhookId};
use engine::ports::jobs::Jobs;
use engine::ports::webhooks::AddError;

fn webhook(scope: OrgScope, number: u128, job: &str, key: &str) -> Webhook {
    Webhook {
        organization: scope.organization(),
        id: WebhookId(Uuid::from_u128(number)),
        job: job.to_owned(),
        key: key.to_owned(),
        takes: PayloadKind::Records,
        hash: [u8::try_from(number % 256).unwrap_or_default(); 32],
        sealed: None,
        created_at: at(0),
        created_by: "ana".to_owned(),
        last_used_at: None,
    }
}

async fn save(store: &impl Stores, scope: OrgScope, job: &str, version: u32) {
    let version = new_version(job, json!({"n": version}), None);
    Jobs::save(store, scope, version).await.expect("a version");
}

async fn add(store: &impl Stores, scope: OrgScope, number: u128, job: &str, key: &str) -> Webhook {
    let webhook = webhook(scope, number, job, key);
    store.add_webhook(scope, &webhook).await.expect("a new webhook");
    webhook
}

async fn keys(store: &impl Stores, scope: OrgScope, jobs: &[&str]) -> String {
    let jobs: Vec<_> = jobs.iter().map(|&job| job.to_owned()).collect();
    let found = store.webhooks_of(scope, &jobs).await.expect("a list");
    found.iter().map(|webhook| format!("{}/{}", webhook.job, webhook.key)).collect::<Vec<_>>().join(" ")
}

pub async fn a_webhook_comes_back_as_it_was_made(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    save(store, acme, "job", 1).await;
    let sealed = Some(Sealed((0..=255).collect()));
    let signed = Webhook { takes: PayloadKind::Arguments, sealed, ..webhook(acme, 7, "job", "signed") };
    for made in [signed, webhook(acme, 8, "job", "plain")] {
        store.add_webhook(acme, &made).await.expect("a new webhook");
        assert_eq!(store.webhook(made.id).await.expect("an answer"), Some(made.clone()));
        assert_eq!(store.find_webhook(acme, made.id).await.expect("an answer"), Some(made.clone()));
        save(store, acme, "job", 2).await;
        assert_eq!(store.webhook(made.id).await.expect("an answer"), Some(made), "another version changes nothing");
    }
    assert_eq!(store.webhook(WebhookId(Uuid::from_u128(9))).await.expect("an answer"), None);
}

pub async fn a_key_of_a_webhook_is_used_once_in_a_job(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    save(store, acme, "job", 1).await;
    save(store, acme, "other", 1).await;
    let first = add(store, acme, 1, "job", "shop").await;
    let again = store.add_webhook(acme, &webhook(acme, 2, "job", "shop")).await;
    assert!(matches!(&again, Err(AddError::Taken(key)) if key == "shop"), "{again:?}");
    add(store, acme, 3, "other", "shop").await;
    let same = store.add_webhook(acme, &Webhook { id: first.id, ..webhook(acme, 4, "job", "new") }).await;
    assert!(matches!(same, Err(AddError::Store(_))), "an identity is used once: {same:?}");
    assert_eq!(keys(store, acme, &["job", "other", "none"]).await, "job/shop other/shop", "refusals add nothing");
}

pub async fn a_webhook_needs_its_job_and_a_job_has_a_bound(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let homeless = store.add_webhook(acme, &webhook(acme, 1, "job", "shop")).await;
    assert!(matches!(&homeless, Err(AddError::UnknownJob(job)) if job == "job"), "{homeless:?}");
    save(store, acme, "job", 1).await;
    for number in 0..MOST_OF_A_JOB {
        add(store, acme, number as u128, "job", &format!("hook-{number}")).await;
    }
    let more = store.add_webhook(acme, &webhook(acme, 99, "job", "more")).await;
    assert!(matches!(more, Err(AddError::TooMany)), "{more:?}");
    assert!(store.remove_webhook(acme, "job", "hook-7").await.expect("an answer"));
    add(store, acme, 99, "job", "more").await;
}

pub async fn webhooks_are_listed_by_job_and_key(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    for job in ["b", "a", "c"] {
        save(store, acme, job, 1).await;
    }
    for (number, (job, key)) in (1..).zip([("b", "z"), ("b", "y"), ("a", "x"), ("c", "w")]) {
        add(store, acme, number, job, key).await;
    }
    assert_eq!(keys(store, acme, &["b", "a"]).await, "a/x b/y b/z");
    assert_eq!(keys(store, acme, &[]).await, "");
    let many: Vec<_> = (0..300).map(|number| format!("job-{number}")).collect();
    assert_eq!(store.webhooks_of(acme, &many).await.expect("a list"), []);
}

pub async fn a_use_is_noted_once_in_a_while(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    save(store, acme, "job", 1).await;
    let id = add(store, acme, 1, "job", "shop").await.id;
    for (now, expected) in [(100, 100), (130, 100), (159, 100), (160, 160), (150, 160), (500, 500)] {
        store.note_use(acme, id, at(now), at(now - 60)).await.expect("a note");
        let noted = store.webhook(id).await.expect("an answer").and_then(|webhook| webhook.last_used_at);
        assert_eq!(noted, Some(at(expected)), "{now}");
    }
    store.note_use(acme, WebhookId(Uuid::from_u128(2)), at(0), at(0)).await.expect("nothing to note");
}

pub async fn a_removed_webhook_is_gone(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    save(store, acme, "job", 1).await;
    let id = add(store, acme, 1, "job", "shop").await.id;
    add(store, acme, 2, "job", "till").await;
    assert!(!store.remove_webhook(acme, "job", "none").await.expect("an answer"));
    assert!(store.remove_webhook(acme, "job", "shop").await.expect("an answer"));
    assert!(!store.remove_webhook(acme, "job", "shop").await.expect("an answer"));
    assert_eq!(store.webhook(id).await.expect("an answer"), None);
    assert_eq!(keys(store, acme, &["job"]).await, "job/till");
    add(store, acme, 3, "job", "shop").await;
}

pub async fn another_organization_sees_no_webhook(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    save(store, acme, "job", 1).await;
    let id = add(store, acme, 1, "job", "shop").await.id;
    assert_eq!(store.find_webhook(globex, id).await.expect("an answer"), None);
    assert_eq!(keys(store, globex, &["job"]).await, "");
    assert!(!store.remove_webhook(globex, "job", "shop").await.expect("an answer"));
    store.note_use(globex, id, at(9), at(8)).await.expect("nothing to note");
    assert_eq!(store.webhook(id).await.expect("an answer").and_then(|webhook| webhook.last_used_at), None);
    let foreign = store.add_webhook(globex, &webhook(globex, 2, "job", "shop")).await;
    assert!(matches!(foreign, Err(AddError::UnknownJob(_))), "{foreign:?}");
    save(store, globex, "job", 1).await;
    add(store, globex, 2, "job", "shop").await;
    assert!(store.remove_webhook(globex, "job", "shop").await.expect("an answer"));
    assert_eq!(keys(store, acme, &["job"]).await, "job/shop");
}
