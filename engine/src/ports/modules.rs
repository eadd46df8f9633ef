//! Where installed modules, what was granted to them, and uploads are kept.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use super::StoreError;
use crate::model::Instant;
use crate::model::grant::Grants;
use crate::model::module::{Installed, Owner};
use crate::model::organization::{OrgScope, OrganizationId};

/// A job that uses a module or a filter template: its newest version does, or one of its
/// results that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct User {
    /// Whose job.
    pub organization: OrganizationId,
    /// Its key.
    pub job: String,
    /// The version of the job that uses it.
    pub version: u32,
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (version {})", self.job, self.version)
    }
}

/// Why a module was not installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// This version is there already, with another component.
    #[error("{0} is installed already, and it is another component; give the new one a new version")]
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
    InUse(Vec<User>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps modules: global ones, and those of each organization. Components are kept once,
/// by digest.
#[async_trait]
pub trait Modules: Send + Sync {
    /// Adds a version of a module, for the organization or for all, as its owner says. One
    /// that is there with the same component stays as it was. A key belongs to one owner: an
    /// organization cannot have what is global, nor the other way round. Durable when it answers.
    async fn install(&self, scope: OrgScope, module: &Installed, component: Arc<[u8]>) -> Result<(), InstallError>;

    /// The modules that an organization's jobs may use, but those that come with the program.
    async fn visible(&self, scope: OrgScope) -> Result<Vec<Installed>, StoreError>;

    /// The digests of all components, whoever has them.
    async fn digests(&self) -> Result<Vec<String>, StoreError>;

    /// A component.
    async fn component(&self, digest: &str) -> Result<Option<Arc<[u8]>>, StoreError>;

    /// Which jobs use a version of a module: of the organization, or of all for a global one.
    async fn users(&self, scope: OrgScope, owner: Owner, digest: &str) -> Result<Vec<User>, StoreError>;

    /// Removes a version that no job uses. What was granted goes with the last version. Says
    /// whether the component is gone too, since nobody else has it.
    async fn uninstall(&self, scope: OrgScope, owner: Owner, key: &str, version: &str) -> Result<bool, RemoveError>;
}

/// Keeps what each organization grants to modules, by the key of the module.
#[async_trait]
pub trait GrantBook: Send + Sync {
    /// All that the organization grants.
    async fn grants(&self, scope: OrgScope) -> Result<BTreeMap<String, Grants>, StoreError>;

    /// Grants a module this and no more. Durable when it answers.
    async fn grant(&self, scope: OrgScope, module: &str, grants: &Grants) -> Result<(), StoreError>;
}

/// How many uploads of an organization are kept at once.
pub const UPLOADS_AT_MOST: usize = 20;

/// A file that was sent to be used soon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Identity.
    pub id: Uuid,
    /// SHA-256 in hexadecimal.
    pub digest: String,
    /// The file.
    pub content: Arc<[u8]>,
    /// When it came.
    pub uploaded_at: Instant,
}

/// Keeps uploads until they are used or get old.
#[async_trait]
pub trait Uploads: Send + Sync {
    /// Keeps an upload, and forgets those that came before `stale`. False if the organization
    /// has [`UPLOADS_AT_MOST`] of them already.
    async fn keep(&self, scope: OrgScope, upload: &Upload, stale: Instant) -> Result<bool, StoreError>;

    /// An upload that came after `stale`.
    async fn uploaded(&self, scope: OrgScope, id: Uuid, stale: Instant) -> Result<Option<Upload>, StoreError>;

    /// Forgets an upload that was used.
    async fn forget(&self, scope: OrgScope, id: Uuid) -> Result<(), StoreError>;
}
