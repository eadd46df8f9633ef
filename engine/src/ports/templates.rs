//! The store of filter templates and all their versions: global ones, and those of each organization.

use async_trait::async_trait;
use serde_json::Value;

use super::{Listed, StoreError};
use crate::model::Instant;
use crate::model::module::Owner;
use crate::model::organization::OrgScope;
use crate::model::refusal::JobUse;
use crate::model::template_version::TemplateVersion;

/// One immutable version of a filter template, as it was saved.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedTemplate {
    /// Its key, and 1 for the first version, then one more each time.
    pub named: TemplateVersion,
    /// Name, for people.
    pub name: String,
    /// Who has it: an organization, or all.
    pub owner: Owner,
    /// The template, in the shape of the job file.
    pub document: Value,
    /// When this version was saved.
    pub saved_at: Instant,
    /// Who saved it.
    pub saved_by: String,
}

/// A version to be saved.
#[derive(Debug, Clone)]
pub struct NewTemplate {
    /// Key of the template.
    pub key: String,
    /// Name of the template.
    pub name: String,
    /// Who will have it: the organization, or all.
    pub owner: Owner,
    /// The template, already validated.
    pub document: Value,
    /// The version that was edited: 0 for a new template; none to replace any version.
    pub edits: Option<u32>,
    /// When.
    pub saved_at: Instant,
    /// Who.
    pub saved_by: String,
}

/// Why a version was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveTemplateError {
    /// Somebody else saved first.
    #[error("version {edited} was edited, but the filter template is at version {}", .newest.named.version)]
    Conflict {
        /// The version that was edited; 0 for a new template.
        edited: u32,
        /// The newest version.
        newest: Box<SavedTemplate>,
    },
    /// The edited template does not exist.
    #[error("there is no filter template with this key; save a new one")]
    Absent,
    /// The key belongs to a template of another owner.
    #[error("the key `{0}` belongs to another filter template; choose another key")]
    KeyTaken(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a template was not removed.
#[derive(Debug, thiserror::Error)]
pub enum RemoveTemplateError {
    /// It does not exist.
    #[error("there is no such filter template")]
    Absent,
    /// Jobs use it.
    #[error("{} jobs use it", .0.len())]
    InUse(Vec<JobUse>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a store has to do to save a version. See [`NewTemplate::judge`].
#[derive(Debug, Clone, PartialEq)]
pub enum SavingTemplate {
    /// Add this version and make it the newest.
    New(SavedTemplate),
    /// Nothing: this is the newest version, and it is equal.
    Unchanged(SavedTemplate),
}

impl NewTemplate {
    /// What saving does, given the newest version.
    ///
    /// # Errors
    /// Another version than the newest was edited.
    pub fn judge(self, newest: Option<&SavedTemplate>) -> Result<SavingTemplate, SaveTemplateError> {
        let version = match (newest, self.edits) {
            (Some(newest), _) if newest.document == self.document && newest.name == self.name => {
                return Ok(SavingTemplate::Unchanged(newest.clone()));
            }
            (Some(newest), Some(edited)) if edited != newest.named.version => {
                return Err(SaveTemplateError::Conflict { edited, newest: Box::new(newest.clone()) });
            }
            (Some(newest), _) => newest.named.version + 1,
            (None, Some(1..)) => return Err(SaveTemplateError::Absent),
            (None, _) => 1,
        };
        let Self { key, name, owner, document, saved_at, saved_by, .. } = self;
        let named = TemplateVersion { key, version };
        Ok(SavingTemplate::New(SavedTemplate { named, name, owner, document, saved_at, saved_by }))
    }
}

/// Keeps filter templates. A key belongs to one owner: either to organizations or to all.
#[async_trait]
pub trait FilterTemplates: Send + Sync {
    /// Adds a version and makes it the newest. If name and document are equal to those of the newest version, nothing
    /// is added and that version is returned, whatever was edited.
    async fn save_template(&self, scope: OrgScope, version: NewTemplate) -> Result<SavedTemplate, SaveTemplateError>;

    /// A version of a template that the organization's jobs may use; the newest if none is named.
    async fn find_template(
        &self,
        scope: OrgScope,
        key: &str,
        version: Option<u32>,
    ) -> Result<Option<SavedTemplate>, StoreError>;

    /// The newest version of each template that the organization's jobs may use, by key: those
    /// after `after`, at most `limit`.
    async fn list_templates(
        &self,
        scope: OrgScope,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Listed<SavedTemplate>, StoreError>;

    /// How many templates the organization's jobs may use.
    async fn count_templates(&self, scope: OrgScope) -> Result<u64, StoreError>;

    /// Which jobs use a template: of the organization, or of all for a global one.
    async fn users_of_template(&self, scope: OrgScope, owner: Owner, key: &str) -> Result<Vec<JobUse>, StoreError>;

    /// Removes a template that no job uses, with all its versions.
    async fn remove_template(&self, scope: OrgScope, owner: Owner, key: &str) -> Result<(), RemoveTemplateError>;
}
