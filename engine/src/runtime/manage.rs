//! Organizations and tokens: who may make them, and what they may be.

use super::engine::Engine;
use crate::model::Instant;
use crate::model::fault::Fault;
use crate::model::module::is_key;
use crate::model::organization::{Access, Organization, OrganizationId, Role};
use crate::model::token::{Presented, Reach, TokenRecord};
use crate::ports::StoreError;
use crate::ports::organizations::CreateError;

const LONGEST_NAME: usize = 200;

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

/// A token to be made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// For people.
    pub name: String,
    /// What it may do in the caller's organization; left out for a server token.
    pub role: Option<Role>,
    /// Whether it administers the server.
    pub server: bool,
    /// When it stops being good.
    pub expires_at: Option<Instant>,
}

/// A token that was made. The text is never to be had again.
pub struct IssuedToken {
    /// What to present.
    pub text: String,
    /// What is kept.
    pub record: TokenRecord,
}

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// The caller may not.
    #[error("this needs a token with more rights")]
    Forbidden,
    /// What was asked for is wrong.
    #[error("the request has {} faults", .0.len())]
    Faults(Vec<Fault>),
    /// The key is in use.
    #[error("there is already an organization `{0}`")]
    Taken(String),
    /// No randomness, or the store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CreateError> for ManageError {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::Taken(key) => Self::Taken(key),
            CreateError::Store(error) => Self::Store(error),
        }
    }
}

impl Engine {
    /// Makes an organization. For server administrators.
    ///
    /// # Errors
    /// See [`ManageError`].
    pub async fn create_organization(
        &self,
        access: &Access,
        new: NewOrganization,
    ) -> Result<Organization, ManageError> {
        if !access.server {
            return Err(ManageError::Forbidden);
        }
        self.add_organization(new).await
    }

    /// Makes an organization, before anybody could have a token.
    ///
    /// # Errors
    /// See [`ManageError`].
    pub async fn add_organization(&self, new: NewOrganization) -> Result<Organization, ManageError> {
        let organization = read_organization(&new)?;
        self.organizations.create(&organization).await?;
        Ok(organization)
    }

    /// Makes a token for the caller's organization, or for the server.
    ///
    /// # Errors
    /// See [`ManageError`].
    pub async fn create_token(&self, access: &Access, new: NewToken) -> Result<IssuedToken, ManageError> {
        if access.role < Role::Admin || (new.server && !access.server) {
            return Err(ManageError::Forbidden);
        }
        let reach = match (new.role, new.server) {
            (Some(role), false) => Reach::Organization(access.organization.id, role),
            (None, true) => Reach::Server,
            (Some(_), true) => return Err(faults("role", "a server token has no role; leave `role` or `server` out")),
            (None, false) => {
                return Err(faults("role", "say what the token may do: viewer, operator, editor or admin"));
            }
        };
        if new.expires_at.is_some_and(|end| end <= self.clock.now()) {
            return Err(faults("expiresAt", "is in the past"));
        }
        self.issue_token(&new.name, reach, new.expires_at).await
    }

    /// Makes a token, without asking who wants it.
    ///
    /// # Errors
    /// See [`ManageError`].
    pub async fn issue_token(
        &self,
        name: &str,
        reach: Reach,
        expires_at: Option<Instant>,
    ) -> Result<IssuedToken, ManageError> {
        let (text, presented) = Presented::fresh().map_err(|error| StoreError::Unavailable(Box::new(error)))?;
        let record = self.adopt_token(&presented, name, reach, expires_at).await?;
        Ok(IssuedToken { text, record })
    }

    /// Keeps a token whose text somebody has already.
    ///
    /// # Errors
    /// See [`ManageError`].
    pub async fn adopt_token(
        &self,
        token: &Presented,
        name: &str,
        reach: Reach,
        expires_at: Option<Instant>,
    ) -> Result<TokenRecord, ManageError> {
        check_name("name", name)?;
        let record = TokenRecord {
            id: token.id,
            name: name.to_owned(),
            hash: token.hash(),
            reach,
            expires_at,
            created_at: self.clock.now(),
        };
        self.organizations.add_token(&record).await?;
        Ok(record)
    }
}

fn faults(path: &str, message: &str) -> ManageError {
    ManageError::Faults(vec![Fault::at(path, message)])
}

fn read_organization(new: &NewOrganization) -> Result<Organization, ManageError> {
    if !is_key(&new.key) {
        return Err(faults("key", "write lower-case words joined by hyphens, at most 60 characters"));
    }
    check_name("name", &new.name)?;
    let time_zone =
        new.time_zone.parse().map_err(|_| faults("timeZone", "write an IANA name such as Europe/Madrid"))?;
    let id = OrganizationId(Engine::new_id());
    Ok(Organization { id, key: new.key.clone(), name: new.name.clone(), time_zone })
}

fn check_name(path: &str, name: &str) -> Result<(), ManageError> {
    let plain = !name.trim().is_empty() && name.chars().count() <= LONGEST_NAME && !name.chars().any(char::is_control);
    if plain { Ok(()) } else { Err(faults(path, "write 1 to 200 characters without line breaks")) }
}
