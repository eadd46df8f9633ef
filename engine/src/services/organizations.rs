//! Organizations and their quotas.

use chrono_tz::Tz;

use super::Organizations;
use crate::model::module::is_key;
use crate::model::organization::{Access, Organization, OrganizationId};
use crate::model::quota::Quotas;
use crate::model::refusal::{Refusal, RefusalCode};
use crate::model::rights::Operation;
use crate::node::new_id;
use crate::node::service_error::ServiceError;
use crate::ports::organizations::{CreateError, OrganizationChange};
use crate::ports::{Listed, StoreError};

/// The organization of calls with a server token that name none.
pub const DEFAULT_ORGANIZATION: &str = "main";
/// How many characters a name may have.
const MAX_NAME_LENGTH: usize = 200;

/// What to change in an organization. What is none stays as it is.
#[derive(Debug, Clone, Default)]
pub struct OrganizationUpdate {
    /// Another name.
    pub name: Option<String>,
    /// IANA name of another time zone.
    pub time_zone: Option<String>,
    /// Whether it is active.
    pub active: Option<bool>,
}

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

    /// All organizations by key: those after `after`, at most `limit`. For server administrators.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn list(
        &self,
        access: &Access,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Listed<Organization>, ServiceError> {
        access.require(Operation::ListOrganizations)?;
        Ok(self.node.stores.organizations.list(after, limit).await?)
    }

    /// Changes the quotas of the organization of the call. For server administrators.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn set_quotas(&self, access: &Access, quotas: Quotas) -> Result<(), ServiceError> {
        access.require(Operation::SetQuotas)?;
        let change = OrganizationChange { quotas: Some(quotas), ..OrganizationChange::default() };
        self.change(&access.organization.key, change).await.map(drop)
    }

    /// Changes an organization. For server administrators.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn update(
        &self,
        access: &Access,
        key: &str,
        update: OrganizationUpdate,
    ) -> Result<Organization, ServiceError> {
        access.require(Operation::UpdateOrganization)?;
        if let Some(name) = &update.name {
            check_name("name", name)?;
        }
        let now = self.node.clock.now();
        let change = OrganizationChange {
            name: update.name,
            time_zone: update.time_zone.as_deref().map(read_time_zone).transpose()?,
            deactivated_at: update.active.map(|active| (!active).then_some(now)),
            quotas: None,
        };
        self.change(key, change).await
    }

    async fn change(&self, key: &str, change: OrganizationChange) -> Result<Organization, ServiceError> {
        let absent = || Refusal::not_found("key", format!("There is no organization `{key}`."));
        let organizations = &self.node.stores.organizations;
        let found = organizations.by_key(key).await?.ok_or_else(absent)?;
        Ok(organizations.update(found.id, change).await?.ok_or_else(absent)?)
    }
}

fn read(new: NewOrganization) -> Result<Organization, Refusal> {
    if !is_key(&new.key) {
        return Err(Refusal::invalid("key", "write lower-case words joined by hyphens, at most 60 characters"));
    }
    check_name("name", &new.name)?;
    Ok(Organization {
        id: OrganizationId(new_id()),
        time_zone: read_time_zone(&new.time_zone)?,
        key: new.key,
        name: new.name,
        quotas: Quotas::default(),
        deactivated_at: None,
    })
}

fn read_time_zone(name: &str) -> Result<Tz, Refusal> {
    name.parse().map_err(|_| Refusal::invalid("timeZone", "write an IANA name such as Europe/Madrid"))
}

pub(super) fn check_name(path: &str, name: &str) -> Result<(), Refusal> {
    let plain =
        !name.trim().is_empty() && name.chars().count() <= MAX_NAME_LENGTH && !name.chars().any(char::is_control);
    if plain { Ok(()) } else { Err(Refusal::invalid(path, "write 1 to 200 characters without line breaks")) }
}
