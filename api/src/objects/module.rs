//! Modules.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use engine::model::catalogue::{Catalogue, Offering};
use engine::model::refusal::JobUse;
use engine::model::{grant, module as model};
use serde_json::Value;

use super::action::Action;
use super::global_id::GlobalId;
use super::moment::Moment;
use super::page::{self, BULKY};
use crate::resolver::{Result, access, engine, scope};

/// How many actions a module is assumed to have when the cost of a document is computed.
const EXPECTED_ACTIONS: usize = 20;

/// Who may use a module.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ModuleOwner {
    /// It is part of the program; all organizations may use it.
    Bundled,
    /// All organizations.
    Global,
    /// The organization of the request.
    Organization,
}

impl From<model::Owner> for ModuleOwner {
    fn from(owner: model::Owner) -> Self {
        match owner {
            model::Owner::Bundled => Self::Bundled,
            model::Owner::Global => Self::Global,
            model::Owner::Organization => Self::Organization,
        }
    }
}

/// A capability that a module asks for by its imports.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Capability {
    /// Messages in the log of the line. It needs no grant.
    Log,
    /// Requests to HTTP servers.
    Http,
    /// The organization's collections.
    Collections,
    /// Starting other jobs.
    Jobs,
}

impl From<grant::Capability> for Capability {
    fn from(capability: grant::Capability) -> Self {
        match capability {
            grant::Capability::Log => Self::Log,
            grant::Capability::Http => Self::Http,
            grant::Capability::Collections => Self::Collections,
            grant::Capability::Jobs => Self::Jobs,
        }
    }
}

/// A version of a module: an installable package of actions.
pub(crate) struct Module(pub(crate) Arc<Offering>);

/// A version of a module: an installable package of actions.
#[Object]
impl Module {
    /// Global id of this version.
    pub(crate) async fn id(&self, context: &Context<'_>) -> ID {
        let info = &self.0.installed.info;
        GlobalId::Module(access(context).organization.id, info.key.clone(), info.version.to_string()).encode()
    }

    /// Key by which lines name it.
    async fn key(&self) -> &str {
        &self.0.installed.info.key
    }

    /// Semantic version.
    async fn version(&self) -> String {
        self.0.installed.info.version.to_string()
    }

    /// SHA-256 of the component, in hexadecimal.
    async fn digest(&self) -> &str {
        &self.0.installed.info.digest
    }

    /// Bytes of the component.
    async fn size(&self) -> u64 {
        self.0.installed.info.size
    }

    /// Description by its authors.
    async fn description(&self) -> Option<&str> {
        self.0.installed.info.description.as_deref()
    }

    /// Who wrote it.
    async fn authors(&self) -> Option<&str> {
        self.0.installed.info.authors.as_deref()
    }

    /// Its licence: an SPDX expression.
    async fn licence(&self) -> Option<&str> {
        self.0.installed.info.licence.as_deref()
    }

    /// Who may use it.
    async fn owner(&self) -> ModuleOwner {
        self.0.installed.owner.into()
    }

    /// The capabilities that it asks for. All but `LOG` must be granted.
    async fn capabilities(&self) -> Vec<Capability> {
        self.0.installed.info.capabilities.iter().map(|capability| (*capability).into()).collect()
    }

    /// Whether it asks for no capability with effects outside, so that its lines may run again freely.
    async fn pure(&self) -> bool {
        self.0.installed.info.is_pure()
    }

    /// The grants of the organization to all versions of the module: an object with `http`, `collections` and `jobs`,
    /// if they are granted.
    #[graphql(complexity = "page::STATEMENT")]
    async fn grants(&self, context: &Context<'_>) -> Result<Value> {
        let grants = engine(context).modules().grants(scope(context)).await?;
        Ok(grants.get(&self.0.installed.info.key).cloned().unwrap_or_default().document())
    }

    /// The actions that it offers.
    #[graphql(complexity = "page::times(EXPECTED_ACTIONS, child_complexity)")]
    async fn actions(&self) -> Vec<Action> {
        self.0.actions.keys().map(|name| Action::of(&self.0, name)).collect()
    }

    /// The jobs of the organization that use this version, with their newest version or with a result that has not
    /// ended.
    #[graphql(complexity = "page::STATEMENT + BULKY + child_complexity")]
    async fn used_by(&self, context: &Context<'_>) -> Result<Vec<ModuleUse>> {
        let digest = &self.0.installed.info.digest;
        // Only jobs of the caller's organization are shown, even for a global module.
        let owner = model::Owner::Organization;
        let users = engine(context).modules().users(scope(context), owner, digest).await?;
        Ok(users.into_iter().map(ModuleUse::of).collect())
    }

    /// When it was installed; null for a bundled module.
    async fn installed_at(&self) -> Option<Moment> {
        self.0.installed.installed_at.map(Moment)
    }

    /// Who installed it.
    async fn installed_by(&self) -> &str {
        &self.0.installed.installed_by
    }
}

/// A job that runs with a module.
#[derive(SimpleObject)]
pub(crate) struct ModuleUse {
    /// Key of the job.
    job: String,
    /// Version of the job.
    version: u32,
}

impl ModuleUse {
    pub(crate) fn of(user: JobUse) -> Self {
        Self { job: user.job, version: user.version }
    }
}

/// This version of a module, or the newest one.
pub(crate) fn find(catalogue: &Catalogue, key: &str, version: Option<&str>) -> Option<Module> {
    let versions = catalogue.versions(key);
    let named = |offering: &&Arc<Offering>| match version {
        Some(version) => offering.installed.info.version.to_string() == version,
        None => true,
    };
    versions.iter().find(named).cloned().map(Module)
}
