//! `createOrganization`.

use async_graphql::{Context, InputObject, SimpleObject};
use engine::runtime::manage::NewOrganization;

use super::to_the_end;
use super::user_error::UserError;
use crate::objects::organization::Organization;
use crate::objects::{Result, access, engine};

/// What `createOrganization` is given.
#[derive(InputObject)]
pub(crate) struct CreateOrganizationInput {
    /// Unique on the server, kebab-case.
    key: String,
    /// Name, for people.
    name: String,
    /// IANA name of the zone in which its dates are meant, such as `Europe/Madrid`.
    #[graphql(default = "UTC")]
    time_zone: String,
}

/// What `createOrganization` answers.
#[derive(SimpleObject)]
pub(crate) struct CreateOrganizationPayload {
    /// The new organization; null if it was refused.
    organization: Option<Organization>,
    /// Why it was refused; empty if it was created.
    user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: CreateOrganizationInput) -> Result<CreateOrganizationPayload> {
    let new = NewOrganization { key: input.key, name: input.name, time_zone: input.time_zone };
    let (engine, access) = (engine(context).clone(), access(context).clone());
    match to_the_end(async move { engine.create_organization(&access, new).await }).await? {
        Ok(organization) => {
            let organization = Some(Organization(organization));
            Ok(CreateOrganizationPayload { organization, user_errors: Vec::new() })
        }
        Err(error) => {
            let user_errors = super::user_error::of_management(error)?;
            Ok(CreateOrganizationPayload { organization: None, user_errors })
        }
    }
}
