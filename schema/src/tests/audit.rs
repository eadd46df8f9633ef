//! The entry of a change is part of the transaction of the change.

use engine::model::audit::{AuditEntry, AuditFilter};
use engine::model::organization::{Access, OrgScope, Organization};
use engine::model::rights::Operation;
use engine::ports::Page;
use engine::ports::audit::{AuditLog, PendingEntry, with_entry};
use engine::ports::jobs::Jobs;
use engine::ports::results::Starts;
use sea_orm::prelude::Uuid;
use suite::samples::{self, at, new_version, organization};

use super::DatabaseFolder;
use crate::Store;

async fn count(store: &Store, scope: OrgScope) -> usize {
    let page = Page { before: None, limit: 100 };
    store.entries(Some(scope), &AuditFilter::default(), page).await.unwrap().items.len()
}

fn pending(number: u128, acme: &Organization) -> std::sync::Arc<PendingEntry> {
    let access = Access::of_operator(acme.clone(), "a test");
    PendingEntry::new(AuditEntry::new(Uuid::from_u128(number), at(0), &access, Operation::SaveJob, ("job", false)))
}

#[tokio::test]
async fn a_change_and_its_entry_are_one_transaction() {
    let folder = DatabaseFolder::new();
    let path = folder.path();
    let store = Store::open_sqlite(&path).await.unwrap();
    let acme = organization(1, "acme");
    let scope = samples::scope(&store, 1, "acme").await;
    let save = |name, edits| {
        let document = serde_json::json!({"key": "job", "name": name});
        store.save(scope, new_version("job", document, edits))
    };

    let entry = pending(1, &acme);
    with_entry(entry.clone(), save("One", Some(0))).await.unwrap();
    assert!(entry.take().is_none(), "the first write takes the entry along");
    assert_eq!(count(&store, scope).await, 1);

    let entry = pending(2, &acme);
    with_entry(entry.clone(), save("Two", Some(7))).await.unwrap_err();
    assert!(entry.take().is_some(), "nothing was saved");

    // A start that fails in a group with others takes its entry back, and the others keep theirs.
    let entries: Vec<_> = (10..20).map(|number| pending(number, &acme)).collect();
    let starts = entries
        .iter()
        .zip([1, 2, 3, 4, 5, 1, 6, 7, 8, 9])
        .map(|(entry, number)| with_entry(entry.clone(), store.start(scope, samples::start(number, "job"))));
    let started = futures_util::future::join_all(starts).await;
    for (entry, started) in entries.iter().zip(&started) {
        assert_eq!(entry.take().is_none(), started.is_ok());
    }
    assert_eq!(started.iter().filter(|started| started.is_err()).count(), 1);
    assert_eq!(count(&store, scope).await, 10);

    store.close().await;
    let store = Store::open_sqlite(&path).await.unwrap();
    assert_eq!(count(&store, scope).await, 10);
}
