//! The store of organizations and tokens. Most calls have no scope, because they happen before the caller's
//! organization is known.

use std::collections::HashMap;

use async_trait::async_trait;
use uuid::Uuid;

use super::StoreError;
use crate::model::organization::{OrgScope, Organization, OrganizationId};
use crate::model::quota::{Quotas, StorageUse};
use crate::model::token::TokenRecord;

/// How many organizations a listing gives at most.
pub const LISTED_ORGANIZATIONS: usize = 1_000;

/// Why an organization was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The key is in use.
    #[error("there is already an organization `{0}`")]
    Taken(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps organizations and tokens.
#[async_trait]
pub trait Organizations: Send + Sync {
    /// Adds an organization whose key is not in use.
    async fn create(&self, organization: &Organization) -> Result<(), CreateError>;

    /// The organization with this key.
    async fn by_key(&self, key: &str) -> Result<Option<Organization>, StoreError>;

    /// The organization with this identity.
    async fn by_id(&self, id: OrganizationId) -> Result<Option<Organization>, StoreError>;

    /// Every organization, by key; at most [`LISTED_ORGANIZATIONS`].
    async fn list(&self) -> Result<Vec<Organization>, StoreError>;

    /// Sets the quotas of an organization.
    async fn set_quotas(&self, scope: OrgScope, quotas: Quotas) -> Result<(), StoreError>;

    /// What each organization stores; those that store nothing may be left out. Takes long if there is much.
    async fn count_stored(&self) -> Result<HashMap<OrganizationId, StorageUse>, StoreError>;

    /// Adds a token.
    async fn add_token(&self, token: &TokenRecord) -> Result<(), StoreError>;

    /// The token with this identity.
    async fn token(&self, id: Uuid) -> Result<Option<TokenRecord>, StoreError>;

    /// Whether any token for the server was ever made.
    async fn has_server_token(&self) -> Result<bool, StoreError>;
}
