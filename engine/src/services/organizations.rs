//! Organizations and their quotas.

use super::Organizations;
use crate::model::module::is_key;
use crate::model::organization::{Access, Organization, OrganizationId};
use crate::model::quota::Quotas;
use crate::model::refusal::{Refusal, RefusalCode};
use crate::model::rights::Operation;
use crate::node::new_id;
use crate::node::service_error::ServiceError;
use crate::ports::StoreError;
use crate::ports::organizations::CreateError;

/// How many characters a name may have.
const MAX_NAME_LENGTH: usize = 200;

/// An organization to be made.
#[derive(Debug, Clone)]
pub struct NewOrganization {
    /// Unique on the server: lower-case words joined by hyphens.
    pub key: String,
    /// For people.
    pub name: String,
    /// IANA name of its time zone.
    pub time_zone: String,
}

impl Organizations {
    /// The organization with this key.
    ///
    /// # Errors
    /// The store failed.
    pub async fn find(&self, key: &str) -> Result<Option<Organization>, StoreError> {
        self.node.stores.organizations.by_key(key).await
    }

    /// Makes an organization. For server administrators.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn create(&self, access: &Access, new: NewOrganization) -> Result<Organization, ServiceError> {
        access.require(Operation::CreateOrganization)?;
        self.add(new).await
    }

    /// Makes an organization without checking rights, for the first start of a server.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn add(&self, new: NewOrganization) -> Result<Organization, ServiceError> {
        let organization = read(new)?;
        self.node.stores.organizations.create(&organization).await.map_err(|error| match error {
            CreateError::Taken(key) => {
                let message = format!("There is already an organization `{key}`.");
                ServiceError::refused(RefusalCode::Taken, "key", message)
            }
            CreateError::Store(error) => error.into(),
        })?;
        Ok(organization)
    }

    /// Changes the quotas of the organization of the call. For server administrators.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn set_quotas(&self, access: &Access, quotas: Quotas) -> Result<(), ServiceError> {
        access.require(Operation::SetQuotas)?;
        Ok(self.node.stores.organizations.set_quotas(access.scope(), quotas).await?)
    }
}

fn read(new: NewOrganization) -> Result<Organization, Refusal> {
    if !is_key(&new.key) {
        return Err(Refusal::invalid("key", "write lower-case words joined by hyphens, at most 60 characters"));
    }
    check_name("name", &new.name)?;
    let unknown = |_| Refusal::invalid("timeZone", "write an IANA name such as Europe/Madrid");
    let time_zone = new.time_zone.parse().map_err(unknown)?;
    let id = OrganizationId(new_id());
    Ok(Organization { id, key: new.key, name: new.name, time_zone, quotas: Quotas::default() })
}

pub(super) fn check_name(path: &str, name: &str) -> Result<(), Refusal> {
    let plain =
        !name.trim().is_empty() && name.chars().count() <= MAX_NAME_LENGTH && !name.chars().any(char::is_control);
    if plain { Ok(()) } else { Err(Refusal::invalid(path, "write 1 to 200 characters without line breaks")) }
}
