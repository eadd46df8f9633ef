//! Jobs and their versions.

use serde_json::{Value, json};

use super::Stores;
use super::samples::{delicate, neighbours, new_version, scope};
use engine::model::organization::OrgScope;
use engine::ports::jobs::{Jobs, SaveError, SavedJob};

async fn save(store: &impl Stores, scope: OrgScope, key: &str, document: Value, edits: Option<u32>) -> SavedJob {
    store.save(scope, new_version(key, document, edits)).await.expect("a version")
}

async fn find(store: &impl Stores, scope: OrgScope, key: &str, version: Option<u32>) -> Option<SavedJob> {
    Jobs::find(store, scope, key, version).await.expect("an answer")
}

async fn keys(store: &impl Stores, scope: OrgScope, after: Option<&str>, limit: u32) -> (Vec<String>, bool) {
    let listed = Jobs::list(store, scope, after, limit).await.expect("a page");
    (listed.items.into_iter().map(|job| job.key).collect(), listed.more)
}

pub async fn each_save_makes_the_next_version(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    assert_eq!(save(store, acme, "a", json!({"n": 1}), Some(0)).await.version, 1, "0 stands for a new job");
    assert_eq!(save(store, acme, "a", json!({"n": 2}), Some(1)).await.version, 2);
    assert_eq!(save(store, acme, "a", json!({"n": 3}), None).await.version, 3, "none is on top of whatever is there");
    assert_eq!(save(store, acme, "b", json!({"n": 1}), None).await.version, 1);
    assert_eq!(Jobs::count(store, acme).await.expect("a count"), 2);
}

pub async fn versions_never_change(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let first = save(store, acme, "a", json!({"n": 1}), None).await;
    let second = save(store, acme, "a", json!({"n": 2}), None).await;
    assert_eq!(find(store, acme, "a", Some(1)).await, Some(first));
    assert_eq!(find(store, acme, "a", Some(2)).await, Some(second.clone()));
    assert_eq!(find(store, acme, "a", None).await, Some(second));
    assert_eq!(find(store, acme, "a", Some(3)).await, None);
    assert_eq!(find(store, acme, "b", None).await, None);
}

pub async fn saving_what_is_already_there_makes_no_version(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let first = save(store, acme, "a", json!({"n": 1, "m": 2}), None).await;
    let mut later = new_version("a", json!({"m": 2, "n": 1}), Some(0));
    later.saved_by = "ben".to_owned();
    assert_eq!(store.save(acme, later).await.expect("the newest version"), first, "the order of members says nothing");
    save(store, acme, "a", json!({"n": 2}), None).await;
    assert_eq!(
        save(store, acme, "a", json!({"n": 1, "m": 2}), None).await.version,
        3,
        "an older version is not the newest"
    );
    let renamed =
        engine::ports::jobs::NewVersion { name: "Other".to_owned(), ..new_version("a", json!({"n": 1, "m": 2}), None) };
    assert_eq!(store.save(acme, renamed).await.expect("a version").version, 4);
}

pub async fn an_edit_of_an_old_version_is_refused_with_the_newest(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    save(store, acme, "a", json!({"n": 1}), None).await;
    let newest = save(store, acme, "a", json!({"n": 2}), Some(1)).await;
    for old in [0, 1, 3] {
        let refused = store.save(acme, new_version("a", json!({"n": 9}), Some(old))).await;
        let Err(SaveError::Conflict { edited, newest: told }) = refused else {
            panic!("editing version {old} gave {refused:?}")
        };
        assert_eq!((edited, *told), (old, newest.clone()));
    }
    assert_eq!(find(store, acme, "a", None).await, Some(newest), "a refusal adds nothing");
}

pub async fn a_version_of_a_job_that_is_not_there_cannot_be_edited(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let refused = store.save(acme, new_version("a", json!({}), Some(1))).await;
    assert!(matches!(refused, Err(SaveError::Absent)), "{refused:?}");
    assert_eq!(Jobs::count(store, acme).await.expect("a count"), 0);
}

pub async fn jobs_are_listed_by_key_in_pages(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    for key in ["c", "a-b", "ab", "a", "b"] {
        save(store, acme, key, json!({"key": key}), None).await;
    }
    save(store, acme, "c", json!({"key": "c", "newer": true}), None).await;
    assert_eq!(
        keys(store, acme, None, 2).await,
        (vec!["a".to_owned(), "a-b".to_owned()], true),
        "keys sort by their bytes"
    );
    assert_eq!(keys(store, acme, Some("a-b"), 2).await, (vec!["ab".to_owned(), "b".to_owned()], true));
    assert_eq!(keys(store, acme, Some("b"), 2).await, (vec!["c".to_owned()], false));
    assert_eq!(keys(store, acme, Some("c"), 2).await, (vec![], false));
    assert!(!keys(store, acme, None, 5).await.1, "a full last page has no more after it");
    let last = Jobs::list(store, acme, Some("b"), 5).await.expect("a page");
    assert_eq!(last.items[0].version, 2, "the newest version is listed");
}

pub async fn another_organization_has_jobs_of_its_own(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    save(store, acme, "a", json!({"of": "acme"}), None).await;
    assert_eq!(find(store, globex, "a", None).await, None);
    assert_eq!(find(store, globex, "a", Some(1)).await, None);
    assert_eq!(keys(store, globex, None, 9).await, (vec![], false));
    assert_eq!(Jobs::count(store, globex).await.expect("a count"), 0);
    let absent = store.save(globex, new_version("a", json!({}), Some(1))).await;
    assert!(matches!(absent, Err(SaveError::Absent)), "a foreign job is as absent as any: {absent:?}");
    assert_eq!(save(store, globex, "a", json!({"of": "globex"}), Some(0)).await.version, 1);
    assert_eq!(find(store, acme, "a", None).await.map(|job| job.document), Some(json!({"of": "acme"})));
}

pub async fn a_document_comes_back_exactly(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let saved = save(store, acme, "a", delicate(), None).await;
    let found = find(store, acme, "a", None).await.expect("the job");
    assert_eq!(found, saved);
    assert_eq!(found.document.to_string(), delicate().to_string(), "the order of members is kept");
}
