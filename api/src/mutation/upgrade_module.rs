//! `upgradeModule`.

use async_graphql::{Context, InputObject, SimpleObject};
use engine::runtime::modules::Upgrade;

use super::to_the_end;
use super::user_error::{UserError, of_modules};
use crate::objects::module::Module;
use crate::objects::{Result, access, engine};

/// What `upgradeModule` is given.
#[derive(InputObject)]
pub(crate) struct UpgradeModuleInput {
    /// Key of the module.
    module: String,
    /// The version that jobs are to run with; the newest if none is named.
    version: Option<String>,
    /// Whether the jobs that can run with it are saved so. Without it, this only tells what
    /// would change.
    apply: Option<bool>,
}

/// What `upgradeModule` answers.
#[derive(SimpleObject)]
pub(crate) struct UpgradeModulePayload {
    /// The version that the jobs are to run with; null if it was refused.
    module: Option<Module>,
    /// Every job of the organization that runs with another version, by key.
    jobs: Vec<JobUpgrade>,
    /// Why it was refused; empty if it was not.
    user_errors: Vec<UserError>,
}

/// What an upgrade does to one job.
#[derive(SimpleObject)]
pub(crate) struct JobUpgrade {
    /// Key of the job.
    job: String,
    /// The version of the job that was looked at.
    version: u32,
    /// The version of the module that it runs with.
    from: String,
    /// Whether it can run with the new one.
    possible: bool,
    /// Why it cannot: every fault at once.
    user_errors: Vec<UserError>,
    /// The version of the job that runs with the new one; null unless it was saved.
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
    let (engine, access) = (engine(context).clone(), access(context).clone());
    let UpgradeModuleInput { module, version, apply } = input;
    let apply = apply.unwrap_or(false);
    let upgrading = async move { engine.upgrade_module(&access, &module, version.as_deref(), apply).await };
    match to_the_end(upgrading).await? {
        Ok((offering, upgrades)) => {
            let jobs = upgrades.into_iter().map(JobUpgrade::of).collect();
            Ok(UpgradeModulePayload { module: Some(Module(offering)), jobs, user_errors: Vec::new() })
        }
        Err(error) => {
            Ok(UpgradeModulePayload { module: None, jobs: Vec::new(), user_errors: of_modules(error, "module")? })
        }
    }
}
