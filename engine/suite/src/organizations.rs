//! Organizations.

use crate::samples::scope_of;
use uuid::Uuid;

use super::Stores;
use super::samples::{self, at, organization};
use engine::model::collection::{Change, Entry};
use engine::model::organization::{Organization, OrganizationId};
use engine::model::quota::{Quotas, StorageUse};
use engine::ports::organizations::{CreateError, OrganizationChange, Organizations};

pub async fn an_organization_is_found_by_key_and_by_identity(store: &impl Stores) {
    let acme = organization(1, "acme");
    store.create(&acme).await.expect("a new organization");
    assert_eq!(store.by_key("acme").await.expect("an answer"), Some(acme.clone()));
    assert_eq!(store.by_id(acme.id).await.expect("an answer"), Some(acme));
    assert_eq!(store.by_key("ACME").await.expect("an answer"), None, "keys are compared exactly");
    assert_eq!(store.by_id(OrganizationId(Uuid::nil())).await.expect("an answer"), None);
}

pub async fn a_key_belongs_to_one_organization(store: &impl Stores) {
    store.create(&organization(1, "acme")).await.expect("a new organization");
    let again = store.create(&organization(2, "acme")).await;
    assert!(matches!(&again, Err(CreateError::Taken(key)) if key == "acme"), "the key was free: {again:?}");
    let same = store.create(&organization(1, "globex")).await;
    assert!(matches!(same, Err(CreateError::Store(_))), "the identity was free: {same:?}");
    assert_eq!(Organizations::list(store, None, 10).await.expect("a list").items.len(), 1, "a refusal adds nothing");
}

pub async fn organizations_are_listed_by_key(store: &impl Stores) {
    for (number, key) in [(1, "zeta"), (2, "alpha"), (3, "mid")] {
        store.create(&organization(number, key)).await.expect("a new organization");
    }
    let page = async |after: Option<&str>| {
        let listed = Organizations::list(store, after, 2).await.expect("a list");
        (listed.items.into_iter().map(|organization| organization.key).collect::<Vec<_>>(), listed.more)
    };
    assert_eq!(page(None).await, (vec!["alpha".to_owned(), "mid".to_owned()], true));
    assert_eq!(page(Some("mid")).await, (vec!["zeta".to_owned()], false));
}

pub async fn quotas_are_kept(store: &impl Stores) {
    let (acme, globex) = (organization(1, "acme"), organization(2, "globex"));
    store.create(&acme).await.expect("a new organization");
    store.create(&globex).await.expect("a new organization");
    let quotas = Quotas { starts_per_minute: 7, history_bytes: 1 << 40, ..acme.quotas };
    let change = OrganizationChange { quotas: Some(quotas), ..OrganizationChange::default() };
    let changed = store.update(acme.id, change).await.expect("an answer");
    assert_eq!(changed.map(|changed| changed.quotas), Some(quotas));
    let found = store.by_id(acme.id).await.expect("an answer");
    assert_eq!(found, Some(Organization { quotas, ..acme }));
    assert_eq!(store.by_id(globex.id).await.expect("an answer"), Some(globex));
}

pub async fn an_organization_is_changed_in_parts(store: &impl Stores) {
    let acme = organization(1, "acme");
    store.create(&acme).await.expect("a new organization");
    let change = async |change| store.update(acme.id, change).await.expect("an answer").expect("acme");
    let usual = OrganizationChange::default;
    let renamed = change(OrganizationChange { name: Some("New".to_owned()), ..usual() }).await;
    assert_eq!(renamed, Organization { name: "New".to_owned(), ..acme.clone() });
    let deactivated = async |instant| change(OrganizationChange { deactivated_at: Some(instant), ..usual() }).await;
    assert_eq!(deactivated(Some(at(5))).await.deactivated_at, Some(at(5)));
    assert_eq!(deactivated(Some(at(9))).await.deactivated_at, Some(at(5)), "it was deactivated before");
    assert_eq!(store.by_key("acme").await.expect("an answer").expect("acme").deactivated_at, Some(at(5)));
    assert_eq!(deactivated(None).await, renamed);
    let nobody = store.update(OrganizationId(Uuid::from_u128(7)), usual()).await.expect("an answer");
    assert_eq!(nobody, None);
}

pub async fn what_organizations_keep_is_counted(store: &impl Stores) {
    let (acme, globex) = (organization(1, "acme"), organization(2, "globex"));
    store.create(&acme).await.expect("a new organization");
    store.create(&globex).await.expect("a new organization");
    let scope = scope_of(acme.id);
    let data = serde_json::json!({"text": "x".repeat(1000)});
    let change = Change::Insert(Entry { key: "a".to_owned(), data });
    store.write(scope, "c", &[change], None).await.expect("an answer");
    assert_eq!(store.count_open(scope).await.expect("an answer"), 0);
    store.start(scope, samples::start(1, "job")).await.expect("a start");
    assert_eq!(store.count_open(scope).await.expect("an answer"), 1);
    let counted = store.count_stored().await.expect("an answer");
    let StorageUse { history_bytes, collection_bytes } = counted[&acme.id];
    assert!((1_000..1_500).contains(&collection_bytes) && history_bytes > 0, "{counted:?}");
    assert_eq!(counted.get(&globex.id).copied().unwrap_or_default(), StorageUse::default());
}
