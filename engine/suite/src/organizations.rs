//! Organizations and tokens.

use crate::samples::scope_of;
use uuid::Uuid;

use super::Stores;
use super::samples::{self, at, organization};
use engine::model::collection::{Change, Entry};
use engine::model::organization::{Organization, OrganizationId, Role};
use engine::model::quota::{Quotas, StorageUse};
use engine::model::token::{TokenRecord, TokenScope};
use engine::ports::organizations::{CreateError, Organizations};

fn token(number: u128, scope: TokenScope) -> TokenRecord {
    let id = Uuid::from_u128(number);
    TokenRecord { id, name: format!("token {number}"), hash: [7; 32], scope, expires_at: None, created_at: at(0) }
}

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
    assert_eq!(Organizations::list(store).await.expect("a list").len(), 1, "a refusal adds nothing");
}

pub async fn organizations_are_listed_by_key(store: &impl Stores) {
    for (number, key) in [(1, "zeta"), (2, "alpha"), (3, "mid")] {
        store.create(&organization(number, key)).await.expect("a new organization");
    }
    let listed = Organizations::list(store).await.expect("a list");
    let keys: Vec<_> = listed.iter().map(|organization| organization.key.as_str()).collect();
    assert_eq!(keys, ["alpha", "mid", "zeta"]);
}

pub async fn a_token_comes_back_as_it_was_made(store: &impl Stores) {
    let acme = organization(1, "acme");
    store.create(&acme).await.expect("a new organization");
    let expiring =
        TokenRecord { expires_at: Some(at(9)), ..token(8, TokenScope::Organization(acme.id, Role::Operator)) };
    for token in [expiring, token(9, TokenScope::Server)] {
        store.add_token(&token).await.expect("a new token");
        assert_eq!(store.token(token.id).await.expect("an answer"), Some(token.clone()));
        assert!(store.add_token(&token).await.is_err(), "an identity is used once");
    }
    assert_eq!(store.token(Uuid::from_u128(10)).await.expect("an answer"), None);
}

pub async fn only_a_token_for_the_server_counts_as_one(store: &impl Stores) {
    let acme = organization(1, "acme");
    store.create(&acme).await.expect("a new organization");
    store.add_token(&token(8, TokenScope::Organization(acme.id, Role::Admin))).await.expect("a new token");
    assert!(
        !store.has_server_token().await.expect("an answer"),
        "an administrator of an organization is none of the server"
    );
    store.add_token(&token(9, TokenScope::Server)).await.expect("a new token");
    assert!(store.has_server_token().await.expect("an answer"));
}

pub async fn quotas_are_kept(store: &impl Stores) {
    let (acme, globex) = (organization(1, "acme"), organization(2, "globex"));
    store.create(&acme).await.expect("a new organization");
    store.create(&globex).await.expect("a new organization");
    let quotas = Quotas { starts_per_minute: 7, history_bytes: 1 << 40, ..acme.quotas };
    store.set_quotas(scope_of(acme.id), quotas).await.expect("an answer");
    let found = store.by_id(acme.id).await.expect("an answer");
    assert_eq!(found, Some(Organization { quotas, ..acme }));
    assert_eq!(store.by_id(globex.id).await.expect("an answer"), Some(globex));
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
