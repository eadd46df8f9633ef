//! The store of organizations. Most calls have no scope: they look for the caller's organization, or are made for a server
//! administrator.

use std::collections::HashMap;

use async_trait::async_trait;
use chrono_tz::Tz;

use super::{Listed, StoreError};
use crate::model::Instant;
use crate::model::organization::{Organization, OrganizationId};
use crate::model::quota::{Quotas, StorageUse};

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

/// A change of an organization. What is none stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrganizationChange {
    /// Another name.
    pub name: Option<String>,
    /// Another time zone.
    pub time_zone: Option<Tz>,
    /// Other quotas.
    pub quotas: Option<Quotas>,
    /// Since when it is deactivated, unless it is already; none inside activates it.
    pub deactivated_at: Option<Option<Instant>>,
}

impl OrganizationChange {
    /// Applies the change.
    pub fn apply(&self, organization: &mut Organization) {
        if let Some(name) = &self.name {
            organization.name.clone_from(name);
        }
        organization.time_zone = self.time_zone.unwrap_or(organization.time_zone);
        organization.quotas = self.quotas.unwrap_or(organization.quotas);
        if let Some(deactivated_at) = self.deactivated_at {
            let earlier = organization.deactivated_at;
            organization.deactivated_at = deactivated_at.map(|now| earlier.unwrap_or(now));
        }
    }
}

/// Keeps organizations.
#[async_trait]
pub trait Organizations: Send + Sync {
    /// Adds an organization whose key is not in use.
    async fn create(&self, organization: &Organization) -> Result<(), CreateError>;

    /// The organization with this key.
    async fn by_key(&self, key: &str) -> Result<Option<Organization>, StoreError>;

    /// The organization with this identity.
    async fn by_id(&self, id: OrganizationId) -> Result<Option<Organization>, StoreError>;

    /// Organizations by key: those after `after`, at most `limit`.
    async fn list(&self, after: Option<&str>, limit: u32) -> Result<Listed<Organization>, StoreError>;

    /// Changes an organization, and returns it as it is then; none if there is no such organization.
    async fn update(&self, id: OrganizationId, change: OrganizationChange) -> Result<Option<Organization>, StoreError>;

    /// What each organization stores; those that store nothing may be left out. Takes long if there is much.
    async fn count_stored(&self) -> Result<HashMap<OrganizationId, StorageUse>, StoreError>;
}
