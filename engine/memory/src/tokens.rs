//! Tokens, in memory.

use async_trait::async_trait;
use uuid::Uuid;

use super::{MemoryStore, impossible, listed};
use engine::model::Instant;
use engine::model::organization::OrgScope;
use engine::model::token::{TokenRecord, TokenScope};
use engine::ports::tokens::{RevokeError, Tokens};
use engine::ports::{Listed, Page, StoreError};

/// Whether a token belongs to an organization, or to the server.
fn is_of(token: &TokenRecord, scope: Option<OrgScope>) -> bool {
    match token.scope {
        TokenScope::Organization(id, _) => scope.is_some_and(|scope| scope.organization() == id),
        TokenScope::Server => scope.is_none(),
    }
}

#[async_trait]
impl Tokens for MemoryStore {
    async fn add_token(&self, token: &TokenRecord) -> Result<(), StoreError> {
        let mut tables = self.tables();
        if tables.tokens.contains_key(&token.id) {
            return Err(impossible("the identity of the token is in use"));
        }
        tables.tokens.insert(token.id, token.clone());
        Ok(())
    }

    async fn token(&self, id: Uuid) -> Result<Option<TokenRecord>, StoreError> {
        Ok(self.tables().tokens.get(&id).cloned())
    }

    async fn tokens(&self, scope: Option<OrgScope>, page: Page<Uuid>) -> Result<Listed<TokenRecord>, StoreError> {
        let tables = self.tables();
        let newest = tables.tokens.range(..page.before.unwrap_or(Uuid::max())).rev();
        let own = newest.map(|(_, token)| token).filter(|token| is_of(token, scope)).cloned();
        Ok(listed(own, page.limit, |_| 0))
    }

    async fn revoke_token(&self, scope: Option<OrgScope>, id: Uuid, now: Instant) -> Result<TokenRecord, RevokeError> {
        let mut tables = self.tables();
        let found = tables.tokens.get(&id).filter(|token| is_of(token, scope)).cloned();
        let token = found.ok_or(RevokeError::Absent)?;
        let mut others = tables.tokens.values().filter(|other| is_of(other, None) && other.id != id);
        if token.scope == TokenScope::Server && !others.any(|other| other.is_valid_at(now)) {
            return Err(RevokeError::LastOfServer);
        }
        tables.tokens.remove(&id);
        Ok(token)
    }

    async fn note_token_use(&self, id: Uuid, at: Instant) -> Result<(), StoreError> {
        if let Some(token) = self.tables().tokens.get_mut(&id) {
            token.last_used_at = Some(at);
        }
        Ok(())
    }

    async fn has_server_token(&self) -> Result<bool, StoreError> {
        Ok(self.tables().tokens.values().any(|token| token.scope == TokenScope::Server))
    }
}
