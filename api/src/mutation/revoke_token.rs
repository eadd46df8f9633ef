//! `revokeToken`.

use async_graphql::{Context, ID, InputObject, SimpleObject};
use engine::model::refusal::Refusal;

use crate::objects::token::Token;
use crate::resolver::{Result, access, engine, to_the_end};
use crate::user_error::{UserError, user_errors};

/// Input of `revokeToken`.
#[derive(InputObject)]
pub(crate) struct RevokeTokenInput {
    /// Id of the token.
    id: ID,
    /// Whether it is a server token.
    #[graphql(default = false)]
    server: bool,
}

/// Payload of `revokeToken`.
#[derive(SimpleObject)]
pub(crate) struct RevokeTokenPayload {
    /// The revoked token; null if it was refused.
    revoked: Option<Token>,
    /// Why it was refused; empty if it was revoked.
    pub(super) user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: RevokeTokenInput) -> Result<RevokeTokenPayload> {
    let (tokens, access) = (engine(context).tokens(), access(context).clone());
    let revoked = match input.id.parse() {
        Ok(id) => to_the_end(async move { tokens.revoke(&access, id, input.server).await }).await?,
        Err(_) => Err(Refusal::not_found("id", "There is no token with this id here.").into()),
    };
    Ok(match revoked {
        Ok(revoked) => RevokeTokenPayload { revoked: Some(Token(revoked)), user_errors: Vec::new() },
        Err(error) => RevokeTokenPayload { revoked: None, user_errors: user_errors(error)? },
    })
}
