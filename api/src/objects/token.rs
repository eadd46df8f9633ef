//! API tokens.

use async_graphql::connection::EmptyFields;
use async_graphql::{Context, ID, Object};
use engine::model::token::{TokenRecord, TokenScope};
use engine::ports;

use super::moment::Moment;
use super::page::{self, Cursor, Page};
use super::role::Role;
use crate::resolver::{Result, access, engine};

/// An API token. Its text is shown only once, when it is created.
pub(crate) struct Token(pub(crate) TokenRecord);

/// An API token. Its text is shown only once, when it is created.
#[Object]
impl Token {
    /// Id, by which it is revoked. It is part of the text of the token, but not secret.
    async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Name, for people.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What it may do in the organization; null for a server token.
    async fn role(&self) -> Option<Role> {
        match self.0.scope {
            TokenScope::Organization(_, role) => Some(role.into()),
            TokenScope::Server => None,
        }
    }

    /// Whether it is a server token.
    async fn server(&self) -> bool {
        self.0.scope == TokenScope::Server
    }

    /// When it was created.
    async fn created_at(&self) -> Moment {
        Moment(self.0.created_at)
    }

    /// Who created it; null if the server did when it started.
    async fn created_by(&self) -> Option<&str> {
        self.0.created_by.as_deref()
    }

    /// When it expires; null if it never does.
    async fn expires_at(&self) -> Option<Moment> {
        self.0.expires_at.map(Moment)
    }

    /// When it was last used, recorded at most once a minute; null if it never was.
    async fn last_used_at(&self) -> Option<Moment> {
        self.0.last_used_at.map(Moment)
    }
}

/// A page of the tokens of the organization of the request, or of the server, newest first.
pub(crate) async fn list(
    context: &Context<'_>,
    server: bool,
    first: i32,
    after: Option<&str>,
) -> Result<Page<Token, EmptyFields>> {
    let (size, after) = (page::size(first)?, page::start(after)?);
    let before = after.as_deref().map(str::parse).transpose().map_err(|_| page::unknown_cursor())?;
    let page = ports::Page { before, limit: size };
    let listed = engine(context).tokens().list(access(context), server, page).await?;
    Ok(page::of(listed, after.as_ref(), EmptyFields, |token| (Cursor::behind(token.id), Token(token))))
}
