//! `upgradeModule`.

use async_graphql::{Context, InputObject, SimpleObject};
use engine::services::modules::Upgrade;

use crate::objects::module::Module;
use crate::resolver::{Result, access, engine, to_the_end};
use crate::user_error::{UserError, user_errors};

/// Input of `upgradeModule`.
#[derive(InputObject)]
pub(crate) struct UpgradeModuleInput {
    /// Key of the module.
    module: String,
    /// The version that jobs shall run with; default: the newest.
    version: Option<String>,
    /// Whether to save the jobs that can run with it. Without it, nothing is saved.
    apply: Option<bool>,
}

/// Payload of `upgradeModule`.
#[derive(SimpleObject)]
pub(crate) struct UpgradeModulePayload {
    /// The version that jobs shall run with; null if the upgrade was refused.
    module: Option<Module>,
    /// The jobs of the organization that use another version, by key.
    jobs: Vec<JobUpgrade>,
    /// Why the upgrade was refused; empty if it was not.
    pub(super) user_errors: Vec<UserError>,
}

/// The upgrade of one job.
#[derive(SimpleObject)]
pub(crate) struct JobUpgrade {
    /// Key of the job.
    job: String,
    /// The version of the job.
    version: u32,
    /// The version of the module that it uses.
    from: String,
    /// Whether it can run with the new one.
    possible: bool,
    /// All faults; empty if it can run with the new version.
    pub(super) user_errors: Vec<UserError>,
    /// The saved version of the job that uses the new version; null if none was saved.
    saved_version: Option<u32>,
}

impl JobUpgrade {
    fn of(upgrade: Upgrade) -> Self {
        Self {
            job: upgrade.job,
            version: upgrade.version,
            from: upgrade.from,
            possible: upgrade.faults.is_empty(),
            user_errors: UserError::of_faults(upgrade.faults),
            saved_version: upgrade.saved,
        }
    }
}

pub(super) async fn answer(context: &Context<'_>, input: UpgradeModuleInput) -> Result<UpgradeModulePayload> {
    let UpgradeModuleInput { module, version, apply } = input;
    let (modules, access) = (engine(context).modules(), access(context).clone());
    Ok(
        match to_the_end(
            async move { modules.upgrade(&access, &module, version.as_deref(), apply.unwrap_or(false)).await },
        )
        .await?
        {
            Ok((offering, upgrades)) => UpgradeModulePayload {
                module: Some(Module(offering)),
                jobs: upgrades.into_iter().map(JobUpgrade::of).collect(),
                user_errors: Vec::new(),
            },
            Err(error) => UpgradeModulePayload { module: None, jobs: Vec::new(), user_errors: user_errors(error)? },
        },
    )
}
