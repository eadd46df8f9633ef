//! What every way in shares: who is calling, and the schema that answers.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;

use async_graphql::Request;
use engine::model::organization::{Access, OrganizationId};
use engine::runtime::authenticate::AuthenticateError;
use engine::runtime::engine::Engine;
use engine::runtime::shares::Shares;
use tokio::sync::{Semaphore, watch};

use crate::budget::{AnswerBudget, LARGE_AT_ONCE, Unsent};
use crate::connections::Connections;
use crate::objects::lines::Lines;
use crate::objects::schedule::Schedules;
use crate::objects::waiting::Waits;
use crate::objects::webhook::Webhooks;
use crate::options::Options;
use crate::quota::{NoPlace, Places, Quota};
use crate::refusal::{Code, Refusal};
use crate::schema::{self, ApiSchema};
use crate::subscription::turn::{WATCHERS, WATCHERS_OF_ONE_ORGANIZATION};

/// The way to the engine.
pub(crate) struct Door {
    pub(crate) engine: Arc<Engine>,
    pub(crate) schema: ApiSchema,
    pub(crate) options: Options,
    pub(crate) connections: Arc<Connections>,
    /// Places of sockets by organization, and by organization and token.
    sockets: Arc<Quota<OrganizationId>>,
    sockets_of_tokens: Arc<Quota<(OrganizationId, u128)>>,
    /// Places of sockets whose clients are not authenticated yet, by address.
    pub(crate) greetings: Arc<Quota<IpAddr>>,
    /// Places of files that are on their way in: each is held in memory.
    pub(crate) uploads: Arc<Quota<OrganizationId>>,
    /// One permit for each large answer that may be made.
    large: Arc<Semaphore>,
    pub(crate) unsent: Unsent,
    /// The subscriptions that may read the store.
    pub(crate) watchers: Arc<Shares>,
    /// One permit for each request whose caller is being looked up.
    turns: Semaphore,
    shares: Shares,
    /// True once the server stops.
    pub(crate) closing: watch::Receiver<bool>,
}

/// The place of a socket, until this is dropped.
pub(crate) struct SocketPlace {
    _of_token: Places<(OrganizationId, u128)>,
    _of_organization: Places<OrganizationId>,
}

/// What a caller shows: the token, and the organization that the call is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) token: String,
    pub(crate) organization: Option<String>,
}

impl Door {
    pub(crate) fn new(
        engine: Arc<Engine>,
        options: Options,
        connections: Arc<Connections>,
        closing: watch::Receiver<bool>,
    ) -> Self {
        Self {
            schema: schema::build(engine.clone(), &options),
            engine,
            connections,
            sockets: Quota::new(options.sockets, options.sockets_of_one_organization),
            sockets_of_tokens: Quota::new(options.sockets, options.sockets_of_one_token),
            greetings: Quota::new(options.greetings, options.greetings_from_one_address),
            uploads: Quota::new(options.uploads_at_once, options.uploads_of_one_organization),
            large: Arc::new(Semaphore::new(LARGE_AT_ONCE)),
            unsent: Unsent::default(),
            watchers: Arc::new(Shares::new(WATCHERS, WATCHERS_OF_ONE_ORGANIZATION)),
            turns: Semaphore::new(options.requests_at_once),
            shares: Shares::new(options.requests_at_once, options.requests_of_one_organization),
            options,
            closing,
        }
    }

    /// A place for a socket of this caller.
    pub(crate) fn place_of_socket(&self, access: &Access) -> Result<SocketPlace, NoPlace> {
        let organization = access.organization.id;
        let of_token = self.sockets_of_tokens.take((organization, access.token.as_u128()), 1)?;
        Ok(SocketPlace { _of_token: of_token, _of_organization: self.sockets.take(organization, 1)? })
    }

    /// Works on a request when its turn comes. However many wait, jobs find the store free: the
    /// readers of a database serve whoever asks in the order of asking.
    pub(crate) async fn in_turn<T>(&self, work: impl Future<Output = T>) -> T {
        // Nobody closes it; without a turn the work would be done all the same.
        let _turn = self.turns.acquire().await;
        work.await
    }

    /// The same for a request of an organization, of which only some have their turn at once.
    pub(crate) async fn in_turn_of<T>(&self, access: &Access, work: impl Future<Output = T>) -> T {
        let _share = self.shares.turn(access.organization.id).await;
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
    pub(crate) fn prepare(&self, request: Request, access: Access, budget: Arc<AnswerBudget>) -> Request {
        let lines = Lines::loader(self.engine.clone(), access.scope(), budget.clone());
        let waits = Waits::loader(self.engine.clone(), access.scope());
        let schedules = Schedules::loader(self.engine.clone(), access.scope());
        let webhooks = Webhooks::loader(self.engine.clone(), access.scope());
        request.data(access).data(budget).data(lines).data(waits).data(schedules).data(webhooks)
    }

    /// What an answer may hold.
    pub(crate) fn budget(&self, bytes: usize) -> Arc<AnswerBudget> {
        Arc::new(AnswerBudget::new(bytes, self.large.clone()))
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
