//! Filter templates: saved and removed only if every job that uses them stays valid.

pub mod preview;

use std::sync::Arc;

use serde_json::Value;

use super::FilterTemplates;
use super::jobs::{conflict, nothing_to_edit};
use super::modules::{name_users, organization_prefix};
use crate::model::catalogue::{Catalogue, Choice};
use crate::model::fault::{Fault, did_you_mean};
use crate::model::filter_template::FilterTemplate;
use crate::model::job::Job;
use crate::model::module::Owner;
use crate::model::organization::{Access, OrgScope, OrganizationId};
use crate::model::refusal::{JobUse, Refusal, RefusalCode};
use crate::model::rights::Operation;
use crate::model::template_version::TemplateVersion;
use crate::node::blocking::{TaskFailed, blocking};
use crate::node::service_error::ServiceError;
use crate::ports::jobs::SavedJob;
use crate::ports::templates::{NewTemplate, RemoveTemplateError, SaveTemplateError, SavedTemplate};
use crate::ports::{Listed, StoreError};

fn refused(error: SaveTemplateError) -> ServiceError {
    match error {
        SaveTemplateError::Conflict { edited, newest } => conflict("filter template", edited, newest.named.version),
        SaveTemplateError::Absent => nothing_to_edit("filter template"),
        SaveTemplateError::KeyTaken(_) => ServiceError::refused(RefusalCode::Taken, "key", error.to_string()),
        SaveTemplateError::Store(error) => error.into(),
    }
}

impl FilterTemplates {
    /// A version of a template; the newest if none is named.
    ///
    /// # Errors
    /// The store failed.
    pub async fn find(
        &self,
        scope: OrgScope,
        key: &str,
        version: Option<u32>,
    ) -> Result<Option<SavedTemplate>, StoreError> {
        self.node.stores.templates.find_template(scope, key, version).await
    }

    /// The newest version of each template, by key: those after `after`, at most `limit`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list(
        &self,
        scope: OrgScope,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Listed<SavedTemplate>, StoreError> {
        self.node.stores.templates.list_templates(scope, after, limit).await
    }

    /// How many templates there are.
    ///
    /// # Errors
    /// The store failed.
    pub async fn count(&self, scope: OrgScope) -> Result<u64, StoreError> {
        self.node.stores.templates.count_templates(scope).await
    }

    /// The jobs that use a template of an owner.
    ///
    /// # Errors
    /// The store failed.
    pub async fn users(&self, scope: OrgScope, owner: Owner, key: &str) -> Result<Vec<JobUse>, StoreError> {
        self.node.stores.templates.users_of_template(scope, owner, key).await
    }

    /// Saves a filter template as a new version, for the organization or for all. `edits` is the version that was
    /// edited (0 for a new template); with none, any version is replaced. New results of the jobs that use it run with
    /// this version.
    ///
    /// # Errors
    /// Also if a job that uses it would become invalid; see [`ServiceError`].
    pub async fn save(
        &self,
        access: &Access,
        document: Value,
        owner: Owner,
        edits: Option<u32>,
    ) -> Result<SavedTemplate, ServiceError> {
        access.require_global(Operation::SaveFilterTemplate, owner != Owner::Organization)?;
        let written = document.clone();
        // The store assigns the version.
        let template = Arc::new(blocking(move || FilterTemplate::read(&written, 0)).await??);
        let _guard = self.node.catalogues.lock_templates().await;
        let faults = self.faults_of_users(access.scope(), owner, &template).await?;
        if !faults.is_empty() {
            return Err(faults.into());
        }
        let version = NewTemplate {
            key: template.named.key.clone(),
            name: template.name.clone(),
            owner,
            document,
            edits,
            saved_at: self.node.clock.now(),
            saved_by: access.who.clone(),
        };
        let saved = self.node.stores.templates.save_template(access.scope(), version).await.map_err(refused)?;
        self.node.catalogues.drop_templates(organization_of(access, owner));
        Ok(saved)
    }

    /// Removes a filter template that no job uses.
    ///
    /// # Errors
    /// `InUse` names the jobs; see [`ServiceError`].
    pub async fn remove(&self, access: &Access, key: &str) -> Result<SavedTemplate, ServiceError> {
        access.require(Operation::DeleteFilterTemplate)?;
        let Some(saved) = self.node.stores.templates.find_template(access.scope(), key, None).await? else {
            return Err(self.no_template(access, key).await?.into());
        };
        access.require_global(Operation::DeleteFilterTemplate, saved.owner != Owner::Organization)?;
        let _guard = self.node.catalogues.lock_templates().await;
        match self.node.stores.templates.remove_template(access.scope(), saved.owner, key).await {
            Ok(()) => {
                self.node.catalogues.drop_templates(organization_of(access, saved.owner));
                Ok(saved)
            }
            Err(RemoveTemplateError::Absent) => Err(self.no_template(access, key).await?.into()),
            Err(RemoveTemplateError::InUse(users)) => {
                let named = name_users(&self.node, saved.owner, &users).await?;
                let key = &saved.named.key;
                let message = format!("The filter template {key} is in use by {named}; change these jobs first.");
                Err(Refusal { used_by: users, ..Refusal::new(RefusalCode::InUse, "key", message) }.into())
            }
            Err(RemoveTemplateError::Store(error)) => Err(error.into()),
        }
    }

    async fn no_template(&self, access: &Access, key: &str) -> Result<Refusal, StoreError> {
        let catalogue = self.node.catalogues.newest(access.scope()).await?;
        let near = match did_you_mean(key, catalogue.templates().keys()) {
            near if near.is_empty() => ".".to_owned(),
            near => near,
        };
        Ok(Refusal::not_found("key", format!("There is no filter template `{key}` in this organization{near}")))
    }

    /// The faults that the jobs which use a template would have with its new version, and do not have now.
    async fn faults_of_users(
        &self,
        scope: OrgScope,
        owner: Owner,
        template: &Arc<FilterTemplate>,
    ) -> Result<Vec<Fault>, StoreError> {
        let mut all = Vec::new();
        for user in self.node.stores.templates.users_of_template(scope, owner, &template.named.key).await? {
            let scope = OrgScope::of(user.organization);
            let saved = self.node.stores.jobs.find(scope, &user.job, None).await?;
            // The results of an older version of the job keep the template with which they started.
            let Some(saved) = saved.filter(|saved| saved.version == user.version) else { continue };
            let catalogue = self.node.catalogues.newest(scope).await?;
            let faults = new_faults(saved, catalogue, Arc::clone(template)).await?;
            let job = format!("{}{}", organization_prefix(&self.node, owner, user.organization).await?, user.job);
            all.extend(faults.into_iter().map(|fault| Fault::at("", format!("job `{job}` would break: {fault}"))));
        }
        Ok(all)
    }
}

/// The faults that a job has with the new version of a template, and does not have with the old one.
async fn new_faults(
    saved: SavedJob,
    before: Arc<Catalogue>,
    template: Arc<FilterTemplate>,
) -> Result<Vec<Fault>, TaskFailed> {
    let faults_with = move |catalogue: &Catalogue| {
        let job = Job::read(&saved.document, catalogue, Choice::Pinned(&saved.pins));
        job.err().unwrap_or_default()
    };
    let reading = move || {
        let versions: [TemplateVersion; 1] = [template.named.clone()];
        let after = before.with_templates(before.templates().at(&versions, [template]));
        let mut faults = faults_with(&after);
        if !faults.is_empty() {
            let old = faults_with(&before);
            faults.retain(|fault| !old.contains(fault));
        }
        faults
    };
    blocking(reading).await
}

fn organization_of(access: &Access, owner: Owner) -> Option<OrganizationId> {
    (owner == Owner::Organization).then_some(access.organization.id)
}
