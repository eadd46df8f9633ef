//! `installModule`.

use async_graphql::{Context, ID, InputObject, SimpleObject};
use engine::model::module::Owner;
use engine::runtime::modules::ModuleError;

use super::to_the_end;
use super::user_error::{UserError, UserErrorCode, of_modules};
use crate::objects::module::{self, Module};
use crate::objects::{Result, access, engine, scope};

/// What `installModule` is given.
#[derive(InputObject)]
pub(crate) struct InstallModuleInput {
    /// The id that `POST /uploads` answered.
    upload: ID,
    /// Whether it is for every organization; for server administrators only. False if
    /// nothing is given.
    global: Option<bool>,
}

/// What `installModule` answers.
#[derive(SimpleObject)]
pub(crate) struct InstallModulePayload {
    /// The module, in use; null if it was refused.
    module: Option<Module>,
    /// Why it was refused: every fault at once; empty if it was installed.
    user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: InstallModuleInput) -> Result<InstallModulePayload> {
    let Ok(upload) = input.upload.parse() else {
        let message = "This is not the id of an upload; send the module by `POST /uploads` first.";
        let error = UserError::at(UserErrorCode::NotFound, "upload", message);
        return Ok(InstallModulePayload { module: None, user_errors: vec![error] });
    };
    let owner = if input.global.unwrap_or(false) { Owner::Global } else { Owner::Organization };
    let (own, caller) = (engine(context).clone(), access(context).clone());
    match to_the_end(async move { own.install_module(&caller, upload, owner).await }).await? {
        Ok(installed) => {
            let catalogue = engine(context).catalogue(scope(context)).await?;
            let version = installed.info.version.to_string();
            let module = module::find(&catalogue, &installed.info.key, Some(&version));
            Ok(InstallModulePayload { module, user_errors: Vec::new() })
        }
        Err(error @ ModuleError::Absent(_)) => refused(of_modules(error, "upload")?),
        Err(error) => refused(of_modules(error, "")?),
    }
}

fn refused(user_errors: Vec<UserError>) -> Result<InstallModulePayload> {
    Ok(InstallModulePayload { module: None, user_errors })
}
