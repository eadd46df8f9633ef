//! `removeModule`.

use async_graphql::{Context, InputObject, SimpleObject};

use crate::objects::module::ModuleUse;
use crate::resolver::{Result, access, engine, to_the_end};
use crate::user_error::{UserError, own_users, user_errors};

/// Input of `removeModule`.
#[derive(InputObject)]
pub(crate) struct RemoveModuleInput {
    /// Key of the module.
    module: String,
    /// The version to remove.
    version: String,
}

/// Payload of `removeModule`.
#[derive(SimpleObject)]
pub(crate) struct RemoveModulePayload {
    /// The removed version, `module@version`; null if it was refused.
    removed: Option<String>,
    /// The jobs of the organization that use it, after an `IN_USE`.
    used_by: Vec<ModuleUse>,
    /// Why it was refused; empty if it was removed.
    pub(super) user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: RemoveModuleInput) -> Result<RemoveModulePayload> {
    let (modules, access) = (engine(context).modules(), access(context).clone());
    Ok(match to_the_end(async move { modules.remove(&access, &input.module, &input.version).await }).await? {
        Ok(installed) => {
            RemoveModulePayload { removed: Some(installed.to_string()), used_by: Vec::new(), user_errors: Vec::new() }
        }
        Err(error) => {
            let used_by = own_users(context, &error).map(ModuleUse::of).collect();
            RemoveModulePayload { removed: None, used_by, user_errors: user_errors(error)? }
        }
    })
}
