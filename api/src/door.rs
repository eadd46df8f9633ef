//! What every way in shares: who is calling, and the schema that answers.

use std::future::Future;
use std::sync::Arc;

use async_graphql::Request;
use engine::model::organization::Access;
use engine::runtime::authenticate::AuthenticateError;
use engine::runtime::engine::Engine;
use tokio::sync::{Semaphore, watch};

use crate::objects::lines::Lines;
use crate::objects::schedule::Schedules;
use crate::objects::waiting::Waits;
use crate::objects::webhook::Webhooks;
use crate::options::Options;
use crate::refusal::{Code, Refusal};
use crate::schema::{self, ApiSchema};

/// The way to the engine.
pub(crate) struct Door {
    pub(crate) engine: Arc<Engine>,
    pub(crate) schema: ApiSchema,
    pub(crate) options: Options,
    /// One permit for each socket that may still be opened.
    pub(crate) sockets: Arc<Semaphore>,
    /// One permit for each request that may be at work.
    turns: Semaphore,
    /// True once the server stops.
    pub(crate) closing: watch::Receiver<bool>,
}

/// What a caller shows: the token, and the organization that the call is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) token: String,
    pub(crate) organization: Option<String>,
}

impl Door {
    pub(crate) fn new(engine: Arc<Engine>, options: Options, closing: watch::Receiver<bool>) -> Self {
        let schema = schema::build(engine.clone(), &options);
        let sockets = Arc::new(Semaphore::new(options.sockets));
        let turns = Semaphore::new(options.requests_at_once);
        Self { engine, schema, options, sockets, turns, closing }
    }

    /// Works on a request when its turn comes. However many wait, jobs find the store free: the
    /// readers of a database serve whoever asks in the order of asking.
    pub(crate) async fn in_turn<T>(&self, work: impl Future<Output = T>) -> T {
        // Nobody closes it; without a turn the work would be done all the same.
        let _turn = self.turns.acquire().await;
        work.await
    }

    /// Lets the caller in, or refuses without saying what is wrong with the token.
    pub(crate) async fn let_in(&self, shown: Option<&Shown>) -> Result<Access, Refusal> {
        let Some(shown) = shown else {
            let message = "Say who you are: send an API token as `Authorization: Bearer …`.";
            return Err(Refusal::new(Code::Unauthenticated, message));
        };
        let access = self.engine.authenticate(&shown.token, shown.organization.as_deref()).await;
        access.map_err(|error| match error {
            AuthenticateError::Refused => {
                Refusal::new(Code::Unauthenticated, "The token is not good here, or not any more.")
            }
            AuthenticateError::Store(error) => error.into(),
        })
    }

    /// The request with everything that resolvers look for: the caller, and loaders of
    /// its own, so that nothing is shared between callers.
    pub(crate) fn prepare(&self, request: Request, access: Access) -> Request {
        let lines = Lines::loader(self.engine.clone(), access.scope());
        let waits = Waits::loader(self.engine.clone(), access.scope());
        let schedules = Schedules::loader(self.engine.clone(), access.scope());
        let webhooks = Webhooks::loader(self.engine.clone(), access.scope());
        request.data(access).data(lines).data(waits).data(schedules).data(webhooks)
    }
}

impl Shown {
    /// Reads the value of an `Authorization` header, in whatever way it was sent.
    pub(crate) fn read(authorization: &str, organization: Option<&str>) -> Option<Self> {
        let (scheme, token) = authorization.trim().split_once(' ')?;
        let token = scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())?;
        Some(Self { token, organization: organization.map(str::to_owned) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bearer_tokens_are_read() {
        let shown = Shown::read(" bearer  rw_1 ", Some("sales")).unwrap();
        assert_eq!((shown.token.as_str(), shown.organization.as_deref()), ("rw_1", Some("sales")));
        for text in ["", "rw_1", "Basic rw_1", "Bearer"] {
            assert_eq!(Shown::read(text, None), None, "{text}");
        }
    }
}
