//! Who is calling, and in which organization: the one place that turns a
//! request into an [`Access`].

use uuid::Uuid;

use super::engine::Engine;
use crate::model::organization::{Access, OrgScope, Organization, Role};
use crate::model::token::{Presented, Reach, TokenRecord};
use crate::ports::StoreError;

/// The organization of a server token's calls that name none.
pub const DEFAULT_ORGANIZATION: &str = "main";

/// Why a caller was not let in.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticateError {
    /// The token is not good here. Which part is wrong is not told.
    #[error("the token is not valid")]
    Refused,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Lets a caller in by its token. A server token may name the organization
    /// that the call is about; an organization's token may name only its own.
    ///
    /// # Errors
    /// `Refused` for a token that is malformed, unknown, expired or good elsewhere.
    pub async fn authenticate(&self, token: &str, organization: Option<&str>) -> Result<Access, AuthenticateError> {
        let presented = Presented::parse(token).ok_or(AuthenticateError::Refused)?;
        let record = self.organizations.token(presented.id).await?.ok_or(AuthenticateError::Refused)?;
        let expired = record.expires_at.is_some_and(|end| end <= self.clock.now());
        if expired || !presented.belongs_to(&record) {
            return Err(AuthenticateError::Refused);
        }
        self.access(&record, organization).await
    }

    async fn access(&self, record: &TokenRecord, named: Option<&str>) -> Result<Access, AuthenticateError> {
        let (organization, role) = match record.reach {
            Reach::Organization(id, role) => (self.organizations.by_id(id).await?, role),
            Reach::Server => (self.organizations.by_key(named.unwrap_or(DEFAULT_ORGANIZATION)).await?, Role::Admin),
        };
        let organization = organization.ok_or(AuthenticateError::Refused)?;
        if named.is_some_and(|named| named != organization.key) {
            return Err(AuthenticateError::Refused);
        }
        let who = format!("token {}", record.name);
        Ok(Access { token: record.id, ..access(organization, role, record.reach == Reach::Server, who) })
    }

    /// The access of whoever runs the program itself on a store that is theirs alone.
    pub fn access_of_operator(organization: Organization, who: &str) -> Access {
        access(organization, Role::Admin, true, who.to_owned())
    }
}

/// The access of whoever was let in: by a token, by the address of a webhook, or as a schedule of the organization.
pub(super) fn access(organization: Organization, role: Role, server: bool, who: String) -> Access {
    Access { scope: OrgScope::of(organization.id), organization, role, server, who, token: Uuid::nil() }
}
