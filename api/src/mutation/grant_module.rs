//! `grantModule`.

use async_graphql::{Context, Enum, InputObject, SimpleObject};
use engine::model::grant::Grants;
use serde_json::{Map, Value, json};

use crate::objects::module::{self, Module};
use crate::resolver::{Result, access, engine, scope, to_the_end};
use crate::user_error::{UserError, user_errors};

/// Input of `grantModule`. It replaces all earlier grants of the module: capabilities that are left out are
/// withdrawn.
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
    /// Methods such as `GET`; default: all.
    methods: Option<Vec<String>>,
    /// Addresses and networks that are not public but may be reached, such as `10.0.0.0/8`; for server administrators
    /// only.
    addresses: Option<Vec<String>>,
}

/// Which collections a module may reach, and how.
#[derive(InputObject)]
pub(crate) struct CollectionsGrantInput {
    /// `orders`, `import-*`, `*`.
    names: Vec<String>,
    /// Whether records may be read only, or changed too; default: `WRITE`.
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

/// Payload of `grantModule`.
#[derive(SimpleObject)]
pub(crate) struct GrantModulePayload {
    /// The newest version of the module with its new `grants`; null if they were refused.
    module: Option<Module>,
    /// All faults; empty if the grants were set.
    pub(super) user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: GrantModuleInput) -> Result<GrantModulePayload> {
    let (key, document) = (input.module.clone(), document(input));
    let grants = match Grants::read(&document) {
        Ok(grants) => grants,
        Err(faults) => return Ok(GrantModulePayload { module: None, user_errors: user_errors(faults.into())? }),
    };
    let (modules, caller, module) = (engine(context).modules(), access(context).clone(), key.clone());
    Ok(match to_the_end(async move { modules.grant(&caller, &module, &grants).await }).await? {
        Ok(()) => {
            let catalogue = engine(context).modules().catalogue(scope(context)).await?;
            GrantModulePayload { module: module::find(&catalogue, &key, None), user_errors: Vec::new() }
        }
        Err(error) => GrantModulePayload { module: None, user_errors: user_errors(error)? },
    })
}

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
