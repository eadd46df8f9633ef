//! Filter templates: saved, and removed, only where every job that uses them stays valid.

use std::sync::Arc;

use serde_json::Value;

use super::engine::Engine;
use crate::model::catalogue::{Catalogue, Choice};
use crate::model::fault::{Fault, did_you_mean};
use crate::model::filter_template::{FilterTemplate, TemplateVersion};
use crate::model::job::Job;
use crate::model::module::Owner;
use crate::model::organization::{Access, OrgScope, OrganizationId, Role};
use crate::ports::StoreError;
use crate::ports::jobs::SavedJob;
use crate::ports::modules::User;
use crate::ports::templates::{NewTemplate, RemoveTemplateError, SaveTemplateError, SavedTemplate};

/// How many jobs a refusal names.
const TOLD: usize = 10;

const SERVER_ONLY: &str = "What is global is changed by server administrators only.";

/// Why no template was changed.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The caller may not.
    #[error("{0}")]
    Forbidden(&'static str),
    /// It has faults, or jobs that use it would have: all of them.
    #[error("the filter template has {} faults", .0.len())]
    Faults(Vec<Fault>),
    /// Somebody else saved first.
    #[error("version {edited} was edited, but the filter template is at version {}", .newest.named.version)]
    Conflict {
        /// The version that was edited; 0 for a new template.
        edited: u32,
        /// The newest version.
        newest: Box<SavedTemplate>,
    },
    /// A version was edited of a template that is not there.
    #[error("there is no filter template with this key; save it as a new one")]
    NothingToEdit,
    /// There is no such template: a sentence with the nearest key.
    #[error("{0}")]
    Absent(String),
    /// The key belongs to a template of another owner.
    #[error("{0}")]
    Taken(String),
    /// Jobs use it: one sentence, and the jobs.
    #[error("{message}")]
    InUse {
        /// Who uses it.
        message: String,
        /// The jobs.
        users: Vec<User>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SaveTemplateError> for TemplateError {
    fn from(error: SaveTemplateError) -> Self {
        match error {
            SaveTemplateError::Conflict { edited, newest } => Self::Conflict { edited, newest },
            SaveTemplateError::Absent => Self::NothingToEdit,
            SaveTemplateError::KeyTaken(_) => Self::Taken(error.to_string()),
            SaveTemplateError::Store(error) => Self::Store(error),
        }
    }
}

impl Engine {
    /// Saves a filter template as a new version, for the organization or for all. `edits` is
    /// the version that was edited (0 for a new template); none saves on top of whatever is
    /// there. From now on every result of the jobs that use it starts with this version.
    ///
    /// # Errors
    /// `Faults` also when a job that uses it would become invalid; see [`TemplateError`].
    pub async fn save_template(
        &self,
        access: &Access,
        document: Value,
        owner: Owner,
        edits: Option<u32>,
    ) -> Result<SavedTemplate, TemplateError> {
        may_change(access, owner)?;
        let template = Arc::new(read(document.clone()).await.map_err(TemplateError::Faults)?);
        let _alone = self.shelf.change_templates().await;
        let faults = self.faults_of_users(access.scope(), owner, &template).await?;
        if !faults.is_empty() {
            return Err(TemplateError::Faults(faults));
        }
        let version = NewTemplate {
            key: template.named.key.clone(),
            name: template.name.clone(),
            owner,
            document,
            edits,
            saved_at: self.clock.now(),
            saved_by: access.who.clone(),
        };
        let saved = self.templates.save_template(access.scope(), version).await?;
        self.shelf.template_changed(holder(access, owner));
        Ok(saved)
    }

    /// Removes a filter template that no job uses.
    ///
    /// # Errors
    /// `InUse` says by whom; see [`TemplateError`].
    pub async fn remove_template(&self, access: &Access, key: &str) -> Result<SavedTemplate, TemplateError> {
        let Some(saved) = self.templates.find_template(access.scope(), key, None).await? else {
            return Err(self.no_template(access, key).await?);
        };
        may_change(access, saved.owner)?;
        let _alone = self.shelf.change_templates().await;
        match self.templates.remove_template(access.scope(), saved.owner, key).await {
            Ok(()) => {
                self.shelf.template_changed(holder(access, saved.owner));
                Ok(saved)
            }
            Err(RemoveTemplateError::Absent) => Err(self.no_template(access, key).await?),
            Err(RemoveTemplateError::InUse(users)) => Err(self.template_in_use(&saved, users).await?),
            Err(RemoveTemplateError::Store(error)) => Err(error.into()),
        }
    }

    async fn no_template(&self, access: &Access, key: &str) -> Result<TemplateError, StoreError> {
        let catalogue = self.catalogue(access.scope()).await?;
        let near = match did_you_mean(key, catalogue.templates().keys()) {
            near if near.is_empty() => ".".to_owned(),
            near => near,
        };
        Ok(TemplateError::Absent(format!("There is no filter template `{key}` in this organization{near}")))
    }

    async fn template_in_use(&self, saved: &SavedTemplate, users: Vec<User>) -> Result<TemplateError, StoreError> {
        let mut told = Vec::new();
        for user in users.iter().take(TOLD) {
            told.push(format!("{}{user}", self.prefix(saved.owner, user.organization).await?));
        }
        if users.len() > TOLD {
            told.push(format!("{} more", users.len() - TOLD));
        }
        let message = format!(
            "The filter template {} is in use by {}; change these jobs first.",
            saved.named.key,
            told.join(", ")
        );
        Ok(TemplateError::InUse { message, users })
    }

    /// Whose job it is, where that goes without saying no more.
    async fn prefix(&self, owner: Owner, organization: OrganizationId) -> Result<String, StoreError> {
        let named = match owner {
            Owner::Global => self.organizations.by_id(organization).await?,
            _ => None,
        };
        Ok(named.map_or_else(String::new, |named| format!("{}/", named.key)))
    }

    /// What would be wrong, and is not now, with the jobs that use a template.
    async fn faults_of_users(
        &self,
        scope: OrgScope,
        owner: Owner,
        template: &Arc<FilterTemplate>,
    ) -> Result<Vec<Fault>, StoreError> {
        let mut all = Vec::new();
        for user in self.templates.users_of_template(scope, owner, &template.named.key).await? {
            let scope = OrgScope::of(user.organization);
            let saved = self.jobs.find(scope, &user.job, None).await?;
            // A result of an older version keeps the template that it started with.
            let Some(saved) = saved.filter(|saved| saved.version == user.version) else { continue };
            let catalogue = self.catalogue(scope).await?;
            let faults = new_faults(saved, catalogue, Arc::clone(template)).await;
            let job = format!("{}{}", self.prefix(owner, user.organization).await?, user.job);
            all.extend(faults.into_iter().map(|fault| Fault::at("", format!("job `{job}` would break: {fault}"))));
        }
        Ok(all)
    }
}

/// Reads a template away from the threads that answer calls: patterns and schemas take a
/// while to compile. Which version it will be, the store says.
async fn read(document: Value) -> Result<FilterTemplate, Vec<Fault>> {
    let reading = tokio::task::spawn_blocking(move || FilterTemplate::read(&document, 0));
    reading.await.unwrap_or_else(|error| Err(vec![Fault::at("", format!("cannot be read: {error}"))]))
}

/// The faults that a job has with a template, and does not have without.
async fn new_faults(saved: SavedJob, before: Arc<Catalogue>, template: Arc<FilterTemplate>) -> Vec<Fault> {
    let faults_with = move |catalogue: &Catalogue| {
        let job = Job::read(&saved.document, catalogue, Choice::Pinned(&saved.pins));
        job.err().unwrap_or_default()
    };
    let reading = tokio::task::spawn_blocking(move || {
        let noted: [TemplateVersion; 1] = [template.named.clone()];
        let after = before.with_templates(before.templates().at(&noted, [template]));
        let mut faults = faults_with(&after);
        if !faults.is_empty() {
            let old = faults_with(&before);
            faults.retain(|fault| !old.contains(fault));
        }
        faults
    });
    reading.await.unwrap_or_else(|error| vec![Fault::at("", format!("cannot be read: {error}"))])
}

fn holder(access: &Access, owner: Owner) -> Option<OrganizationId> {
    (owner == Owner::Organization).then_some(access.organization.id)
}

fn may_change(access: &Access, owner: Owner) -> Result<(), TemplateError> {
    match owner {
        Owner::Organization if access.role < Role::Editor => {
            Err(TemplateError::Forbidden("Filter templates need the role `editor`."))
        }
        Owner::Organization => Ok(()),
        Owner::Global if access.server => Ok(()),
        Owner::Global | Owner::Bundled => Err(TemplateError::Forbidden(SERVER_ONLY)),
    }
}
