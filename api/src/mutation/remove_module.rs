//! `removeModule`.

use async_graphql::{Context, InputObject, SimpleObject};
use engine::runtime::modules::ModuleError;

use super::to_the_end;
use super::user_error::{UserError, of_modules};
use crate::objects::module::ModuleUse;
use crate::objects::{Result, access, engine, scope};

/// What `removeModule` is given.
#[derive(InputObject)]
pub(crate) struct RemoveModuleInput {
    /// Key of the module.
    module: String,
    /// The version to remove.
    version: String,
}

/// What `removeModule` answers.
#[derive(SimpleObject)]
pub(crate) struct RemoveModulePayload {
    /// What was removed, `module@version`; null if it was refused.
    removed: Option<String>,
    /// After an `IN_USE`: the jobs of the organization that use it.
    used_by: Vec<ModuleUse>,
    /// Why it was refused; empty if it was removed.
    user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: RemoveModuleInput) -> Result<RemoveModulePayload> {
    let (engine, access) = (engine(context).clone(), access(context).clone());
    let removing = async move { engine.remove_module(&access, &input.module, &input.version).await };
    match to_the_end(removing).await? {
        Ok(installed) => {
            let removed = Some(installed.to_string());
            Ok(RemoveModulePayload { removed, used_by: Vec::new(), user_errors: Vec::new() })
        }
        Err(error) => {
            let own = scope(context).organization();
            let users = if let ModuleError::InUse { users, .. } = &error { users.clone() } else { Vec::new() };
            let own_users = users.into_iter().filter(|user| user.organization == own);
            let used_by = own_users.map(ModuleUse::of).collect();
            Ok(RemoveModulePayload { removed: None, used_by, user_errors: of_modules(error, "module")? })
        }
    }
}
