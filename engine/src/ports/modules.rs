//! The store of installed modules, their grants, and uploads.

use std::collections::BTreeMap;

use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use super::StoreError;
use crate::model::Instant;
use crate::model::grant::Grants;
use crate::model::module::{Installed, Owner};
use crate::model::organization::OrgScope;
use crate::model::refusal::JobUse;

/// Why a module was not installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// This version is already installed with another component.
    #[error("{0} is already installed with another component; give the new component a new version")]
    VersionTaken(String),
    /// The key belongs to a module of another owner.
    #[error("the key `{0}` belongs to another module; choose another key")]
    KeyTaken(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a module was not removed.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// It is not installed there.
    #[error("there is no such module")]
    Absent,
    /// Jobs use it.
    #[error("{} jobs use it", .0.len())]
    InUse(Vec<JobUse>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps modules: global ones, and those of each organization. Components are kept once,
/// by digest.
#[async_trait]
pub trait Modules: Send + Sync {
    /// Adds a version of a module, for the organization or for all, depending on its owner. A version that is already
    /// installed with the same component stays as it is. A key belongs to one owner: either to organizations or to all.
    /// Durable when it returns.
    async fn install(&self, scope: OrgScope, module: &Installed, component: Arc<[u8]>) -> Result<(), InstallError>;

    /// The modules that an organization's jobs may use, without those that come with the program.
    async fn visible(&self, scope: OrgScope) -> Result<Vec<Installed>, StoreError>;

    /// The digests of all components of all organizations.
    async fn digests(&self) -> Result<Vec<String>, StoreError>;

    /// A component.
    async fn component(&self, digest: &str) -> Result<Option<Arc<[u8]>>, StoreError>;

    /// Which jobs use a version of a module: of the organization, or of all for a global one.
    async fn users(&self, scope: OrgScope, owner: Owner, digest: &str) -> Result<Vec<JobUse>, StoreError>;

    /// Removes a version that no job uses. The grants are removed with the last version. Returns whether the component
    /// was removed too, because nobody else has it.
    async fn uninstall(&self, scope: OrgScope, owner: Owner, key: &str, version: &str) -> Result<bool, RemoveError>;
}

/// Keeps the grants of each organization, by the key of the module.
#[async_trait]
pub trait GrantBook: Send + Sync {
    /// All grants of the organization.
    async fn grants(&self, scope: OrgScope) -> Result<BTreeMap<String, Grants>, StoreError>;

    /// Replaces the grants of a module. Durable when it returns.
    async fn grant(&self, scope: OrgScope, module: &str, grants: &Grants) -> Result<(), StoreError>;
}

/// How many uploads of an organization are kept at once.
pub const UPLOADS_AT_MOST: usize = 20;

/// A file that was uploaded to be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Identity.
    pub id: Uuid,
    /// SHA-256 in hexadecimal.
    pub digest: String,
    /// The file.
    pub content: Arc<[u8]>,
    /// When it was uploaded.
    pub uploaded_at: Instant,
}

/// Keeps uploads until they are installed or expire.
#[async_trait]
pub trait Uploads: Send + Sync {
    /// Keeps an upload, and removes those from before `stale`. False if the organization already has
    /// [`UPLOADS_AT_MOST`].
    async fn keep(&self, scope: OrgScope, upload: &Upload, stale: Instant) -> Result<bool, StoreError>;

    /// An upload from after `stale`.
    async fn uploaded(&self, scope: OrgScope, id: Uuid, stale: Instant) -> Result<Option<Upload>, StoreError>;

    /// Removes an upload.
    async fn forget(&self, scope: OrgScope, id: Uuid) -> Result<(), StoreError>;
}
