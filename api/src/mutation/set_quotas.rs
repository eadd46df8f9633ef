//! `setQuotas`.

use async_graphql::{Context, InputObject, SimpleObject};
use engine::model::organization as model;
use engine::model::quota::Quotas;

use crate::objects::organization::Organization;
use crate::resolver::{Result, access, engine, to_the_end};
use crate::user_error::{UserError, user_errors};

/// Input of `setQuotas`. Quotas that are left out do not change.
#[derive(InputObject)]
pub(crate) struct SetQuotasInput {
    /// Starts of jobs in a minute, of all kinds.
    starts_per_minute: Option<u32>,
    /// Job results that have not ended.
    open_results: Option<u32>,
    /// Mebibytes of job results with their lines and stored records.
    history_mib: Option<u32>,
    /// Mebibytes of records in collections.
    collection_mib: Option<u32>,
    /// Versions of modules that it has installed.
    modules: Option<u32>,
    /// Requests in a minute with one token.
    requests_per_minute: Option<u32>,
    /// Messages in a minute to one webhook.
    messages_per_minute: Option<u32>,
}

/// Payload of `setQuotas`.
#[derive(SimpleObject)]
pub(crate) struct SetQuotasPayload {
    /// The organization with its quotas.
    organization: Organization,
    /// Always empty, since any number is allowed.
    pub(super) user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: SetQuotasInput) -> Result<SetQuotasPayload> {
    let (organizations, access) = (engine(context).organizations(), access(context).clone());
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
    let set = to_the_end(async move { organizations.set_quotas(&access, quotas).await }).await?;
    let user_errors = set.err().map(user_errors).transpose()?.unwrap_or_default();
    Ok(SetQuotasPayload { organization: Organization(organization), user_errors })
}
