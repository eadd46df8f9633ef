//! `createToken`.

use async_graphql::{Context, InputObject, SimpleObject};
use engine::services::tokens::NewToken;

use crate::objects::moment::Moment;
use crate::objects::role::Role;
use crate::objects::token::Token;
use crate::resolver::{Result, access, engine, to_the_end};
use crate::user_error::{UserError, user_errors};

/// Input of `createToken`.
#[derive(InputObject)]
pub(crate) struct CreateTokenInput {
    /// Name, for people. Job results that are started with the token show it as `startedBy`.
    name: String,
    /// What the token may do in the organization. Required, unless it is a server token.
    role: Option<Role>,
    /// Whether it is a server token, which manages organizations and may do everything in each of them.
    #[graphql(default = false)]
    server: bool,
    /// When it expires; default: never.
    expires_at: Option<Moment>,
}

/// Payload of `createToken`.
#[derive(SimpleObject)]
pub(crate) struct CreateTokenPayload {
    /// The token, to be sent as `Authorization: Bearer TOKEN`. It is not stored, so this is the only time it is shown.
    /// Null if it was refused.
    token: Option<String>,
    /// What is kept of it; null if it was refused.
    created: Option<Token>,
    /// Why it was refused; empty if it was created.
    pub(super) user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: CreateTokenInput) -> Result<CreateTokenPayload> {
    let new = NewToken {
        name: input.name,
        role: input.role.map(Into::into),
        server: input.server,
        expires_at: input.expires_at.map(|moment| moment.0),
    };
    let (tokens, access) = (engine(context).tokens(), access(context).clone());
    Ok(match to_the_end(async move { tokens.create(&access, new).await }).await? {
        Ok(issued) => CreateTokenPayload {
            token: Some(issued.text),
            created: Some(Token(issued.record)),
            user_errors: Vec::new(),
        },
        Err(error) => CreateTokenPayload { token: None, created: None, user_errors: user_errors(error)? },
    })
}
