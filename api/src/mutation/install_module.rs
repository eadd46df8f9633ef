//! `installModule`.

use async_graphql::{Context, ID, InputObject, SimpleObject};
use engine::model::module::Owner;

use crate::objects::module::{self, Module};
use crate::resolver::{LongerTime, Result, access, engine, scope, to_the_end};
use crate::user_error::{UserError, UserErrorCode, user_errors};

/// Input of `installModule`.
#[derive(InputObject)]
pub(crate) struct InstallModuleInput {
    /// The id in the answer of `POST /uploads`.
    upload: ID,
    /// Whether it is global, for all organizations; for server administrators only. Default: false.
    global: Option<bool>,
}

/// Payload of `installModule`.
#[derive(SimpleObject)]
pub(crate) struct InstallModulePayload {
    /// The installed module; null if it was refused.
    module: Option<Module>,
    /// All faults; empty if it was installed.
    pub(super) user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: InstallModuleInput) -> Result<InstallModulePayload> {
    let Ok(upload) = input.upload.parse() else {
        let message = "There is no upload with this id; upload the module with `POST /uploads` first.";
        let error = UserError::at(UserErrorCode::NotFound, "upload", message);
        return Ok(InstallModulePayload { module: None, user_errors: vec![error] });
    };
    // Compiling takes long. A subscription or a socket has no such limit of time.
    if let Some(longer) = context.data_opt::<LongerTime>() {
        longer.ask();
    }
    let owner = if input.global.unwrap_or(false) { Owner::Global } else { Owner::Organization };
    let (modules, caller) = (engine(context).modules(), access(context).clone());
    Ok(match to_the_end(async move { modules.install(&caller, upload, owner).await }).await? {
        Ok(installed) => {
            let catalogue = engine(context).modules().catalogue(scope(context)).await?;
            let version = installed.info.version.to_string();
            let module = module::find(&catalogue, &installed.info.key, Some(&version));
            InstallModulePayload { module, user_errors: Vec::new() }
        }
        Err(error) => InstallModulePayload { module: None, user_errors: user_errors(error)? },
    })
}
