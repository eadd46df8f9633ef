//! `createOrganization`.

use async_graphql::{Context, InputObject, SimpleObject};
use engine::services::organizations::NewOrganization;

use crate::objects::organization::Organization;
use crate::resolver::{Result, access, engine, to_the_end};
use crate::user_error::{UserError, user_errors};

/// Input of `createOrganization`.
#[derive(InputObject)]
pub(crate) struct CreateOrganizationInput {
    /// Unique on the server, in kebab-case.
    key: String,
    /// Name, for people.
    name: String,
    /// IANA name of its time zone, such as `Europe/Madrid`.
    #[graphql(default = "UTC")]
    time_zone: String,
}

/// Payload of `createOrganization`.
#[derive(SimpleObject)]
pub(crate) struct CreateOrganizationPayload {
    /// The new organization; null if it was refused.
    organization: Option<Organization>,
    /// Why it was refused; empty if it was created.
    pub(super) user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: CreateOrganizationInput) -> Result<CreateOrganizationPayload> {
    let new = NewOrganization { key: input.key, name: input.name, time_zone: input.time_zone };
    let (organizations, access) = (engine(context).organizations(), access(context).clone());
    Ok(match to_the_end(async move { organizations.create(&access, new).await }).await? {
        Ok(organization) => {
            CreateOrganizationPayload { organization: Some(Organization(organization)), user_errors: Vec::new() }
        }
        Err(error) => CreateOrganizationPayload { organization: None, user_errors: user_errors(error)? },
    })
}
