//! `createToken`.

use async_graphql::{Context, InputObject, SimpleObject};
use engine::runtime::manage::NewToken;

use super::to_the_end;
use super::user_error::UserError;
use crate::objects::moment::Moment;
use crate::objects::role::Role;
use crate::objects::{Result, access, engine};

/// What `createToken` is given.
#[derive(InputObject)]
pub(crate) struct CreateTokenInput {
    /// For people; job results show it as who started them.
    name: String,
    /// What the token may do in the organization. Needed, unless it is for the server.
    role: Option<Role>,
    /// Whether the token is for the server: it manages organizations, and may do
    /// everything in each of them.
    #[graphql(default = false)]
    server: bool,
    /// When it stops being good; never, if nothing is given.
    expires_at: Option<Moment>,
}

/// What `createToken` answers.
#[derive(SimpleObject)]
pub(crate) struct CreateTokenPayload {
    /// The token, to be sent as `Authorization: Bearer …`. It is kept nowhere: this is the
    /// only time it is shown. Null if it was refused.
    token: Option<String>,
    /// Why it was refused; empty if it was made.
    user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: CreateTokenInput) -> Result<CreateTokenPayload> {
    let new = NewToken {
        name: input.name,
        role: input.role.map(Into::into),
        server: input.server,
        expires_at: input.expires_at.map(|moment| moment.0),
    };
    let (engine, access) = (engine(context).clone(), access(context).clone());
    match to_the_end(async move { engine.create_token(&access, new).await }).await? {
        Ok(issued) => Ok(CreateTokenPayload { token: Some(issued.text), user_errors: Vec::new() }),
        Err(error) => Ok(CreateTokenPayload { token: None, user_errors: super::user_error::of_management(error)? }),
    }
}
