//! The store of tokens. Most calls have no scope, because they happen before the caller's organization is known.

use async_trait::async_trait;
use uuid::Uuid;

use super::{Listed, Page, StoreError};
use crate::model::Instant;
use crate::model::organization::OrgScope;
use crate::model::token::TokenRecord;

/// Why a token was not revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// There is no such token.
    #[error("there is no such token")]
    Absent,
    /// It is the last token of a server administrator that has not expired.
    #[error("it is the last token of a server administrator that has not expired")]
    LastOfServer,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps tokens.
#[async_trait]
pub trait Tokens: Send + Sync {
    /// Adds a token.
    async fn add_token(&self, token: &TokenRecord) -> Result<(), StoreError>;

    /// The token with this identity.
    async fn token(&self, id: Uuid) -> Result<Option<TokenRecord>, StoreError>;

    /// The tokens of an organization, or of the server, newest first.
    async fn tokens(&self, scope: Option<OrgScope>, page: Page<Uuid>) -> Result<Listed<TokenRecord>, StoreError>;

    /// Removes a token of an organization, or of the server. The last token of the server that is valid at `now` stays.
    async fn revoke_token(&self, scope: Option<OrgScope>, id: Uuid, now: Instant) -> Result<TokenRecord, RevokeError>;

    /// Records when a token was used.
    async fn note_token_use(&self, id: Uuid, at: Instant) -> Result<(), StoreError>;

    /// Whether there is any token for the server.
    async fn has_server_token(&self) -> Result<bool, StoreError>;
}
