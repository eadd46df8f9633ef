//! `grantModule`.

use async_graphql::{Context, Enum, InputObject, SimpleObject};
use engine::model::grant::Grants;
use serde_json::{Map, Value, json};

use super::to_the_end;
use super::user_error::{UserError, of_modules};
use crate::objects::module::{self, Module};
use crate::objects::{Result, access, engine, scope};

/// What `grantModule` is given. It is all that the module may do from now on: what is
/// left out is not granted any more.
#[derive(InputObject)]
pub(crate) struct GrantModuleInput {
    /// Key of the module; the grant is for all its versions.
    module: String,
    /// Requests to HTTP servers.
    http: Option<HttpGrantInput>,
    /// The organization's collections.
    collections: Option<CollectionsGrantInput>,
    /// Starting other jobs.
    jobs: Option<JobsGrantInput>,
}

/// Which HTTP servers a module may reach, and how.
#[derive(InputObject)]
pub(crate) struct HttpGrantInput {
    /// `api.example.com`, `*.example.com`, `*`; with `:8443`, only that port.
    hosts: Vec<String>,
    /// Methods such as `GET`; all of them if none is named.
    methods: Option<Vec<String>>,
    /// Addresses and networks that are not public and may be reached all the same, such as
    /// `10.0.0.0/8`; for server administrators only.
    addresses: Option<Vec<String>>,
}

/// Which collections a module may reach, and how.
#[derive(InputObject)]
pub(crate) struct CollectionsGrantInput {
    /// `orders`, `import-*`, `*`.
    names: Vec<String>,
    /// Whether records may also be changed: they may, if nothing is given.
    access: Option<CollectionAccess>,
}

/// How a module may reach collections.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CollectionAccess {
    /// Records may be read.
    Read,
    /// Records may be read and changed.
    Write,
}

/// Which jobs a module may start.
#[derive(InputObject)]
pub(crate) struct JobsGrantInput {
    /// `nightly`, `import-*`, `*`.
    keys: Vec<String>,
}

/// What `grantModule` answers.
#[derive(SimpleObject)]
pub(crate) struct GrantModulePayload {
    /// The newest version of the module, whose `grants` tell what it may do now; null if
    /// it was refused.
    module: Option<Module>,
    /// Why it was refused: every fault at once; empty if it was granted.
    user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: GrantModuleInput) -> Result<GrantModulePayload> {
    let (key, document) = (input.module.clone(), document(input));
    let grants = match Grants::read(&document) {
        Ok(grants) => grants,
        Err(faults) => return Ok(refused(UserError::of_faults(faults))),
    };
    let (own, caller, module) = (engine(context).clone(), access(context).clone(), key.clone());
    match to_the_end(async move { own.grant_module(&caller, &module, &grants).await }).await? {
        Ok(()) => {
            let catalogue = engine(context).catalogue(scope(context)).await?;
            Ok(GrantModulePayload { module: module::find(&catalogue, &key, None), user_errors: Vec::new() })
        }
        Err(error) => Ok(refused(of_modules(error, "module")?)),
    }
}

fn refused(user_errors: Vec<UserError>) -> GrantModulePayload {
    GrantModulePayload { module: None, user_errors }
}

/// The same as the engine reads it.
fn document(input: GrantModuleInput) -> Value {
    let mut document = Map::new();
    if let Some(HttpGrantInput { hosts, methods, addresses }) = input.http {
        document.insert("http".into(), json!({"hosts": hosts, "methods": methods, "addresses": addresses}));
    }
    if let Some(CollectionsGrantInput { names, access }) = input.collections {
        let access = if access == Some(CollectionAccess::Read) { "read" } else { "write" };
        document.insert("collections".into(), json!({"names": names, "access": access}));
    }
    if let Some(JobsGrantInput { keys }) = input.jobs {
        document.insert("jobs".into(), json!({"keys": keys}));
    }
    Value::Object(document)
}
