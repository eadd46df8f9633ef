//! A change is in force for the next read after its answer, also where a store remembers what it has read before.

use engine::model::grant::Grants;
use engine::model::quota::Quotas;
use engine::model::status::Status;
use engine::ports::jobs::{Deletion, Jobs};
use engine::ports::organizations::OrganizationChange;
use engine::ports::queues::QueueSetting;
use engine::ports::results::NewResult;
use serde_json::json;

use super::Stores;
use super::samples::{at, claim, ended, new_version, numbers, scope, start};

pub async fn a_new_version_of_a_job_and_its_deletion(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let newest = async || Jobs::find(store, acme, "job", None).await.expect("an answer").map(|saved| saved.version);
    assert_eq!(newest().await, None);
    for version in [1, 2] {
        store.save(acme, new_version("job", json!({"version": version}), None)).await.expect("a version");
        assert_eq!((newest().await, newest().await), (Some(version), Some(version)));
    }
    let deletion = Deletion { key: "job".to_owned(), edits: None, kill: None };
    store.delete_job(acme, deletion).await.expect("a deletion");
    assert_eq!(newest().await, None);
    store.save(acme, new_version("job", json!({}), None)).await.expect("a version");
    assert_eq!(newest().await, Some(3));
}

pub async fn a_grant_and_its_removal(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let granted = async || store.grants(acme).await.expect("grants").remove("shop");
    assert_eq!(granted().await, None);
    let read = |document| Grants::read(&document).expect("grants");
    for grants in [read(json!({"jobs": {"keys": ["*"]}})), read(json!({}))] {
        store.grant(acme, "shop", &grants).await.expect("a grant");
        assert_eq!((granted().await.as_ref(), granted().await.as_ref()), (Some(&grants), Some(&grants)));
    }
}

pub async fn other_quotas(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let by_id = async || store.by_id(acme.organization()).await.expect("an answer").expect("acme").quotas;
    let by_key = async || store.by_key("acme").await.expect("an answer").expect("acme").quotas;
    for starts_per_minute in [7, 8] {
        let quotas = Quotas { starts_per_minute, ..Quotas::default() };
        assert_eq!(by_id().await, by_key().await);
        let change = OrganizationChange { quotas: Some(quotas), ..OrganizationChange::default() };
        store.update(acme.organization(), change).await.expect("other quotas");
        assert_eq!((by_id().await, by_key().await), (quotas, quotas));
    }
}

pub async fn a_queue_and_its_limit(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let exists = async || store.has_queue(acme, "mail").await.expect("an answer");
    assert!(!exists().await);
    for number in 1..=4 {
        let start = NewResult { queue: "mail".to_owned(), ..start(number, "job") };
        store.start(acme, start).await.expect("a start");
    }
    for (limit, taken) in [(Some(0), &[][..]), (Some(1), &[1]), (Some(3), &[2, 3])] {
        let setting = QueueSetting { key: "mail".to_owned(), global: true, limit };
        store.save_queue(acme, &setting).await.expect("a queue");
        assert!(exists().await && exists().await);
        assert_eq!(numbers(&claim(store, 9, at(50)).await), taken);
    }
    assert!(store.remove_queue(acme, "mail", true).await.expect("an answer"));
    assert!(!exists().await);
    assert_eq!(numbers(&claim(store, 9, at(50)).await), [4]);
}

pub async fn the_last_success(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let since = async || store.last_success(acme, "job").await.expect("an answer");
    assert_eq!(since().await, None);
    for (number, status, expected) in [
        (1, Status::Error, None),
        (2, Status::Success, Some(2)),
        (3, Status::Warning, Some(2)),
        (4, Status::Info, Some(4)),
    ] {
        ended(store, acme, number, "job", status).await;
        assert_eq!((since().await, since().await), (expected.map(at), expected.map(at)), "{number}");
    }
}
