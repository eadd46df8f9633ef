//! The audit log.

use uuid::{NoContext, Timestamp, Uuid};

use super::Stores;
use super::samples::{at, neighbours};
use engine::model::audit::{AuditEntry, AuditFilter, AuditOutcome};
use engine::model::organization::OrgScope;
use engine::ports::Page;
use engine::ports::audit::{PendingEntry, with_entry};

/// An entry of this second, whose identity has the same time.
fn entry(seconds: i64, scope: Option<OrgScope>, operation: &str) -> AuditEntry {
    let at = at(seconds);
    let timestamp = Timestamp::from_unix(NoContext, at.timestamp().cast_unsigned(), 0);
    AuditEntry {
        id: Uuid::new_v7(timestamp),
        organization: scope.map(OrgScope::organization),
        at,
        who: "token ci".to_owned(),
        token: Uuid::from_u128(3),
        operation: operation.to_owned(),
        target: "weekly".to_owned(),
        outcome: AuditOutcome::Done,
        reason: None,
    }
}

async fn seconds(store: &impl Stores, scope: Option<OrgScope>, filter: AuditFilter) -> Vec<i64> {
    let page = Page { before: None, limit: 100 };
    let listed = store.entries(scope, &filter, page).await.expect("a list");
    listed.items.iter().map(|entry| (entry.at - at(0)).num_seconds()).collect()
}

pub async fn an_entry_comes_back_in_its_own_log(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    let refused = entry(1, Some(acme), "saveJob").with(AuditOutcome::Refused, "There is no such thing.");
    for entry in [&refused, &entry(2, None, "createOrganization"), &entry(3, Some(globex), "saveJob")] {
        store.append(entry).await.expect("a new entry");
    }
    let page = Page { before: None, limit: 100 };
    let listed = store.entries(Some(acme), &AuditFilter::default(), page).await.expect("a list");
    assert_eq!(listed.items, [refused]);
    assert_eq!(seconds(store, None, AuditFilter::default()).await, [2]);
    assert_eq!(seconds(store, Some(globex), AuditFilter::default()).await, [3]);
}

pub async fn entries_are_filtered_and_listed_newest_first(store: &impl Stores) {
    let (acme, _) = neighbours(store).await;
    for (second, operation) in [(1, "saveJob"), (2, "runJob"), (3, "saveJob"), (4, "runJob")] {
        store.append(&entry(second, Some(acme), operation)).await.expect("a new entry");
    }
    let of = async |filter| seconds(store, Some(acme), filter).await;
    let usual = AuditFilter::default;
    assert_eq!(of(usual()).await, [4, 3, 2, 1]);
    assert_eq!(of(AuditFilter { operation: Some("saveJob".to_owned()), ..usual() }).await, [3, 1]);
    assert_eq!(of(AuditFilter { since: Some(at(2)), until: Some(at(4)), ..usual() }).await, [3, 2]);
    let first = store.entries(Some(acme), &usual(), Page { before: None, limit: 3 }).await.expect("a list");
    assert!(first.more);
    let next = Page { before: first.items.last().map(|entry| entry.id), limit: 3 };
    let rest = store.entries(Some(acme), &usual(), next).await.expect("a list");
    assert_eq!((rest.items.len(), rest.more), (1, false));
}

pub async fn old_entries_are_removed(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    for (second, scope) in [(1, Some(acme)), (2, Some(globex)), (3, None), (8, Some(acme))] {
        for operation in ["saveJob", "runJob"] {
            store.append(&entry(second, scope, operation)).await.expect("a new entry");
        }
    }
    let prune =
        async |before, operations| while store.prune_audit(at(before), operations).await.expect("an answer") > 0 {};
    prune(5, Some(&["runJob"][..])).await;
    let logs = [Some(acme), Some(globex), None];
    for (scope, left) in logs.into_iter().zip([&[8, 8, 1][..], &[2], &[3]]) {
        assert_eq!(seconds(store, scope, AuditFilter::default()).await, left);
    }
    prune(5, None).await;
    for (scope, left) in logs.into_iter().zip([&[8, 8][..], &[], &[]]) {
        assert_eq!(seconds(store, scope, AuditFilter::default()).await, left);
    }
}

/// A store may write the entry with the change; it must never write it without one.
pub async fn a_refused_change_leaves_its_entry(store: &impl Stores) {
    let (acme, _) = neighbours(store).await;
    let pending = PendingEntry::new(entry(1, Some(acme), "deleteWebhook"));
    let removed = with_entry(pending.clone(), store.remove_webhook(acme, "job", "hook")).await;
    assert!(!removed.expect("an answer"));
    assert!(pending.take().is_some(), "the entry was written though nothing was changed");
    assert!(seconds(store, Some(acme), AuditFilter::default()).await.is_empty());
}
