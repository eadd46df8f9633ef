//! `setQuotas`.

use async_graphql::{Context, InputObject, SimpleObject};
use engine::model::organization as model;
use engine::model::quota::Quotas;

use super::to_the_end;
use super::user_error::UserError;
use crate::objects::organization::Organization;
use crate::objects::{Result, access, engine};

/// What `setQuotas` is given. What is not given does not change.
#[derive(InputObject)]
pub(crate) struct SetQuotasInput {
    /// Starts of jobs in a minute, by whatever starts them.
    starts_per_minute: Option<u32>,
    /// Job results that have not ended.
    open_results: Option<u32>,
    /// Mebibytes of job results with their lines and what is kept of records.
    history_mib: Option<u32>,
    /// Mebibytes of records in collections.
    collection_mib: Option<u32>,
    /// Installed versions of modules of its own.
    modules: Option<u32>,
    /// Requests in a minute with one token.
    requests_per_minute: Option<u32>,
    /// Messages in a minute to one webhook.
    messages_per_minute: Option<u32>,
}

/// What `setQuotas` answers.
#[derive(SimpleObject)]
pub(crate) struct SetQuotasPayload {
    /// The organization with its quotas.
    organization: Organization,
    /// Always empty: any number is a quota.
    user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: SetQuotasInput) -> Result<SetQuotasPayload> {
    let (engine, access) = (engine(context).clone(), access(context).clone());
    let old = access.organization.quotas;
    let quotas = Quotas {
        starts_per_minute: input.starts_per_minute.unwrap_or(old.starts_per_minute),
        open_results: input.open_results.unwrap_or(old.open_results),
        history_bytes: input.history_mib.map_or(old.history_bytes, |mib| u64::from(mib) << 20),
        collection_bytes: input.collection_mib.map_or(old.collection_bytes, |mib| u64::from(mib) << 20),
        modules: input.modules.unwrap_or(old.modules),
        requests_per_minute: input.requests_per_minute.unwrap_or(old.requests_per_minute),
        messages_per_minute: input.messages_per_minute.unwrap_or(old.messages_per_minute),
    };
    let organization = model::Organization { quotas, ..access.organization.clone() };
    to_the_end(async move { engine.set_quotas(&access, quotas).await }).await??;
    Ok(SetQuotasPayload { organization: Organization(organization), user_errors: Vec::new() })
}
