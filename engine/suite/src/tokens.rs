//! Tokens.

use uuid::Uuid;

use super::Stores;
use super::samples::{at, neighbours, scope};
use engine::model::organization::{OrgScope, Role};
use engine::model::token::{TokenRecord, TokenScope};
use engine::ports::Page;
use engine::ports::tokens::RevokeError;

fn token(number: u128, scope: TokenScope) -> TokenRecord {
    TokenRecord {
        id: Uuid::from_u128(number),
        name: format!("token {number}"),
        hash: [7; 32],
        scope,
        expires_at: None,
        created_at: at(0),
        created_by: Some("token maker".to_owned()),
        last_used_at: None,
    }
}

fn viewer(number: u128, scope: OrgScope) -> TokenRecord {
    token(number, TokenScope::Organization(scope.organization(), Role::Viewer))
}

pub async fn a_token_comes_back_as_it_was_made(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let expiring = TokenRecord { expires_at: Some(at(9)), created_by: None, ..viewer(8, acme) };
    for token in [expiring, token(9, TokenScope::Server)] {
        store.add_token(&token).await.expect("a new token");
        assert_eq!(store.token(token.id).await.expect("an answer"), Some(token.clone()));
        assert!(store.add_token(&token).await.is_err(), "an identity is used once");
    }
    assert_eq!(store.token(Uuid::from_u128(10)).await.expect("an answer"), None);
}

pub async fn only_a_token_for_the_server_counts_as_one(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    store.add_token(&viewer(8, acme)).await.expect("a new token");
    assert!(!store.has_server_token().await.expect("an answer"), "a token of an organization is none of the server");
    store.add_token(&token(9, TokenScope::Server)).await.expect("a new token");
    assert!(store.has_server_token().await.expect("an answer"));
}

pub async fn tokens_are_listed_newest_first_in_pages(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    for token in [viewer(1, acme), viewer(2, globex), viewer(3, acme), token(4, TokenScope::Server), viewer(5, acme)] {
        store.add_token(&token).await.expect("a new token");
    }
    let page = async |scope, before: Option<u128>| {
        let page = Page { before: before.map(Uuid::from_u128), limit: 2 };
        let listed = store.tokens(scope, page).await.expect("a list");
        (listed.items.iter().map(|token| token.id.as_u128()).collect::<Vec<_>>(), listed.more)
    };
    assert_eq!(page(Some(acme), None).await, (vec![5, 3], true));
    assert_eq!(page(Some(acme), Some(3)).await, (vec![1], false));
    assert_eq!(page(Some(globex), None).await, (vec![2], false));
    assert_eq!(page(None, None).await, (vec![4], false));
}

pub async fn a_revoked_token_is_gone(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    let token = viewer(1, acme);
    store.add_token(&token).await.expect("a new token");
    assert_eq!(store.token(token.id).await.expect("an answer"), Some(token.clone()), "it is remembered from now on");
    for stranger in [Some(globex), None] {
        let refused = store.revoke_token(stranger, token.id, at(0)).await;
        assert!(matches!(refused, Err(RevokeError::Absent)), "{refused:?}");
    }
    assert_eq!(store.revoke_token(Some(acme), token.id, at(0)).await.expect("the token"), token);
    assert_eq!(store.token(token.id).await.expect("an answer"), None);
    assert!(matches!(store.revoke_token(Some(acme), token.id, at(0)).await, Err(RevokeError::Absent)));
}

pub async fn the_last_valid_token_of_the_server_stays(store: &impl Stores) {
    let expired = TokenRecord { expires_at: Some(at(5)), ..token(2, TokenScope::Server) };
    for token in [token(1, TokenScope::Server), expired] {
        store.add_token(&token).await.expect("a new token");
    }
    let revoke = async |number, now| store.revoke_token(None, Uuid::from_u128(number), at(now)).await;
    assert!(matches!(revoke(1, 5).await, Err(RevokeError::LastOfServer)), "the other one has expired");
    revoke(2, 5).await.expect("an expired token may go");
    assert!(matches!(revoke(1, 0).await, Err(RevokeError::LastOfServer)));
}

pub async fn the_use_of_a_token_is_noted(store: &impl Stores) {
    let token = token(1, TokenScope::Server);
    store.add_token(&token).await.expect("a new token");
    for seconds in [5, 9] {
        store.note_token_use(token.id, at(seconds)).await.expect("an answer");
        let noted = TokenRecord { last_used_at: Some(at(seconds)), ..token.clone() };
        assert_eq!(store.token(token.id).await.expect("an answer"), Some(noted));
    }
    store.note_token_use(Uuid::from_u128(9), at(1)).await.expect("an unknown token is ignored");
}
