//! `updateOrganization`.

use async_graphql::{Context, InputObject, SimpleObject};
use engine::services::organizations::OrganizationUpdate;

use crate::objects::organization::Organization;
use crate::resolver::{Result, access, engine, to_the_end};
use crate::user_error::{UserError, user_errors};

/// Input of `updateOrganization`. What is left out does not change.
#[derive(InputObject)]
pub(crate) struct UpdateOrganizationInput {
    /// Key of the organization.
    key: String,
    /// Another name.
    name: Option<String>,
    /// IANA name of another time zone. A schedule without a time zone of its own keeps the old one until its job is
    /// saved with a change.
    time_zone: Option<String>,
    /// Whether it is active.
    active: Option<bool>,
}

/// Payload of `updateOrganization`.
#[derive(SimpleObject)]
pub(crate) struct UpdateOrganizationPayload {
    /// The organization as it is now; null if the change was refused.
    organization: Option<Organization>,
    /// Why it was refused; empty if it was changed.
    pub(super) user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: UpdateOrganizationInput) -> Result<UpdateOrganizationPayload> {
    let UpdateOrganizationInput { key, name, time_zone, active } = input;
    let update = OrganizationUpdate { name, time_zone, active };
    let (organizations, access) = (engine(context).organizations(), access(context).clone());
    Ok(match to_the_end(async move { organizations.update(&access, &key, update).await }).await? {
        Ok(organization) => {
            UpdateOrganizationPayload { organization: Some(Organization(organization)), user_errors: Vec::new() }
        }
        Err(error) => UpdateOrganizationPayload { organization: None, user_errors: user_errors(error)? },
    })
}
