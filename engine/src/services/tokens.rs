//! Authentication: the only place that turns a token into an [`Access`]; and the tokens themselves.

use std::sync::Arc;

use uuid::Uuid;

use super::Tokens;
use super::organizations::{DEFAULT_ORGANIZATION, check_name};
use crate::model::Instant;
use crate::model::organization::{Access, OrgScope, Role};
use crate::model::refusal::{Refusal, RefusalCode};
use crate::model::rights::{Operation, require_active};
use crate::model::token::{ParsedToken, TokenRecord, TokenScope};
use crate::node::service_error::ServiceError;
use crate::ports::tokens::RevokeError;
use crate::ports::{Listed, Page, StoreError};

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
        let record = self.node.stores.tokens.token(presented.id).await?.ok_or_else(refused)?;
        let now = self.node.clock.now();
        if !record.is_valid_at(now) || !presented.belongs_to(&record) {
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
        let access = Access { token: record.id, server, ..Access::of(found, role, who) };
        if !server {
            require_active(&access.organization)?;
        }
        if record.is_worth_noting(now) {
            self.note_use(record.id, now);
        }
        Ok(access)
    }

    /// Records from time to time that a token is used. The caller does not wait for it.
    fn note_use(&self, id: Uuid, now: Instant) {
        if !self.node.usage.may_note_use(id) {
            return;
        }
        let tokens = Arc::clone(&self.node.stores.tokens);
        tokio::spawn(async move {
            if let Err(error) = tokens.note_token_use(id, now).await {
                tracing::warn!(%error, token = %id, "the use of a token could not be recorded");
            }
        });
    }

    /// The tokens of the caller's organization, or of the server, newest first.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn list(
        &self,
        access: &Access,
        server: bool,
        page: Page<Uuid>,
    ) -> Result<Listed<TokenRecord>, ServiceError> {
        access.require_global(Operation::ListTokens, server)?;
        Ok(self.node.stores.tokens.tokens(scope_of(access, server), page).await?)
    }

    /// Revokes a token of the caller's organization, or of the server. It is refused from now on; open sockets are
    /// closed when they check their tokens the next time.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn revoke(&self, access: &Access, id: Uuid, server: bool) -> Result<TokenRecord, ServiceError> {
        access.require_global(Operation::RevokeToken, server)?;
        let now = self.node.clock.now();
        let revoked = self.node.stores.tokens.revoke_token(scope_of(access, server), id, now).await;
        revoked.map_err(|error| match error {
            RevokeError::Absent => Refusal::not_found("id", "There is no token with this id here.").into(),
            RevokeError::LastOfServer => {
                let message = "It is the last token of a server administrator; create another one first.";
                ServiceError::refused(RefusalCode::InUse, "id", message)
            }
            RevokeError::Store(error) => error.into(),
        })
    }

    /// Whether there has been any server token.
    ///
    /// # Errors
    /// The store failed.
    pub async fn has_server_token(&self) -> Result<bool, StoreError> {
        self.node.stores.tokens.has_server_token().await
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
        self.issue(&new.name, scope, new.expires_at, Some(&access.who)).await
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
        created_by: Option<&str>,
    ) -> Result<IssuedToken, ServiceError> {
        let (text, presented) = ParsedToken::fresh().map_err(|error| StoreError::Unavailable(Box::new(error)))?;
        let record = self.adopt(&presented, name, scope, expires_at, created_by).await?;
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
        created_by: Option<&str>,
    ) -> Result<TokenRecord, ServiceError> {
        check_name("name", name)?;
        let record = TokenRecord {
            id: token.id,
            name: name.to_owned(),
            hash: token.hash(),
            scope,
            expires_at,
            created_at: self.node.clock.now(),
            created_by: created_by.map(str::to_owned),
            last_used_at: None,
        };
        self.node.stores.tokens.add_token(&record).await?;
        Ok(record)
    }

    /// Makes sure that this token of a server administrator is valid. Returns whether it had to be added.
    ///
    /// # Errors
    /// `Taken`, if a token with the same identity has another secret, another scope or has expired.
    pub async fn ensure(&self, token: &ParsedToken, name: &str) -> Result<bool, ServiceError> {
        match self.node.stores.tokens.token(token.id).await? {
            None => self.adopt(token, name, TokenScope::Server, None, None).await.map(|_| true),
            Some(known) if token.belongs_to(&known) && known.scope == TokenScope::Server => {
                match known.is_valid_at(self.node.clock.now()) {
                    true => Ok(false),
                    false => Err(ServiceError::refused(RefusalCode::Taken, "", "The token has expired.")),
                }
            }
            Some(_) => {
                let message = "Another token with the same id exists, or it is not one of a server administrator.";
                Err(ServiceError::refused(RefusalCode::Taken, "", message))
            }
        }
    }
}

fn scope_of(access: &Access, server: bool) -> Option<OrgScope> {
    (!server).then_some(access.scope())
}
