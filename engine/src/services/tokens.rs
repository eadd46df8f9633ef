//! Authentication: the only place that turns a token into an [`Access`]; and the tokens themselves.

use super::Tokens;
use super::organizations::check_name;
use crate::model::Instant;
use crate::model::organization::{Access, Role};
use crate::model::refusal::{Refusal, RefusalCode};
use crate::model::rights::Operation;
use crate::model::token::{ParsedToken, TokenRecord, TokenScope};
use crate::node::service_error::ServiceError;
use crate::ports::StoreError;

/// The organization of calls with a server token that name none.
pub const DEFAULT_ORGANIZATION: &str = "main";

/// A token to be made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// For people.
    pub name: String,
    /// What it may do in the caller's organization; none for a server token.
    pub role: Option<Role>,
    /// Whether it administers the server.
    pub server: bool,
    /// When it stops being valid.
    pub expires_at: Option<Instant>,
}

/// A new token. Its text cannot be read again.
pub struct IssuedToken {
    /// The token itself.
    pub text: String,
    /// What is kept.
    pub record: TokenRecord,
}

impl Tokens {
    /// Authenticates a caller by its token. With a server token, the call may name any organization; with an
    /// organization's token, only that one.
    ///
    /// # Errors
    /// `Unauthenticated` if the token is malformed, unknown, expired or valid elsewhere. The error does not say which.
    pub async fn authenticate(&self, token: &str, organization: Option<&str>) -> Result<Access, ServiceError> {
        let refused = || {
            Refusal::new(
                RefusalCode::Unauthenticated,
                "",
                "The token is not valid for this organization, or it has expired.",
            )
        };
        let organizations = &self.node.stores.organizations;
        let presented = ParsedToken::parse(token).ok_or_else(refused)?;
        let record = organizations.token(presented.id).await?.ok_or_else(refused)?;
        let expired = record.expires_at.is_some_and(|end| end <= self.node.clock.now());
        if expired || !presented.belongs_to(&record) {
            return Err(refused().into());
        }
        let (found, role) = match record.scope {
            TokenScope::Organization(id, role) => (organizations.by_id(id).await?, role),
            TokenScope::Server => {
                (organizations.by_key(organization.unwrap_or(DEFAULT_ORGANIZATION)).await?, Role::Admin)
            }
        };
        let found = found.filter(|found| organization.is_none_or(|named| named == found.key)).ok_or_else(refused)?;
        let who = format!("token {}", record.name);
        let server = record.scope == TokenScope::Server;
        Ok(Access { token: record.id, server, ..Access::of(found, role, who) })
    }

    /// Whether there has been any server token.
    ///
    /// # Errors
    /// The store failed.
    pub async fn has_server_token(&self) -> Result<bool, StoreError> {
        self.node.stores.organizations.has_server_token().await
    }

    /// Makes a token for the caller's organization, or for the server.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn create(&self, access: &Access, new: NewToken) -> Result<IssuedToken, ServiceError> {
        access.require_global(Operation::CreateToken, new.server)?;
        let scope = match (new.role, new.server) {
            (Some(role), false) => TokenScope::Organization(access.organization.id, role),
            (None, true) => TokenScope::Server,
            (Some(_), true) => {
                let message = "a server token has no role; leave out `role` or `server`";
                return Err(Refusal::invalid("role", message).into());
            }
            (None, false) => {
                let message = "is missing; write viewer, operator, editor or admin";
                return Err(Refusal::invalid("role", message).into());
            }
        };
        if new.expires_at.is_some_and(|end| end <= self.node.clock.now()) {
            return Err(Refusal::invalid("expiresAt", "is in the past; write a later instant").into());
        }
        self.issue(&new.name, scope, new.expires_at).await
    }

    /// Makes a token without checking rights.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn issue(
        &self,
        name: &str,
        scope: TokenScope,
        expires_at: Option<Instant>,
    ) -> Result<IssuedToken, ServiceError> {
        let (text, presented) = ParsedToken::fresh().map_err(|error| StoreError::Unavailable(Box::new(error)))?;
        let record = self.adopt(&presented, name, scope, expires_at).await?;
        Ok(IssuedToken { text, record })
    }

    /// Stores a token whose text somebody already has.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn adopt(
        &self,
        token: &ParsedToken,
        name: &str,
        scope: TokenScope,
        expires_at: Option<Instant>,
    ) -> Result<TokenRecord, ServiceError> {
        check_name("name", name)?;
        let record = TokenRecord {
            id: token.id,
            name: name.to_owned(),
            hash: token.hash(),
            scope,
            expires_at,
            created_at: self.node.clock.now(),
        };
        self.node.stores.organizations.add_token(&record).await?;
        Ok(record)
    }
}
