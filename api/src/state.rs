//! What all endpoints share: the engine, the schema, the limits, and authentication.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;

use async_graphql::Request;
use engine::engine::Engine;
use engine::model::organization::{Access, OrganizationId};
use engine::node::fair_permits::FairPermits;
use tokio::sync::{Semaphore, watch};

use crate::budget::{AnswerBudget, LARGE_AT_ONCE, Unsent};
use crate::connections::Connections;
use crate::error::{ApiError, Code};
use crate::objects::line_loader::LineLoader;
use crate::objects::schedule::ScheduleLoader;
use crate::objects::waits_for::WaitLoader;
use crate::objects::webhook::WebhookLoader;
use crate::options::Options;
use crate::resolver::in_time;
use crate::schema::{self, ApiSchema};
use crate::slots::{NoSlot, SlotPool, Slots};
use crate::subscription::read_permit::{READERS, READERS_OF_ONE_ORGANIZATION};

/// The state that all endpoints share.
pub(crate) struct ApiState {
    pub(crate) engine: Engine,
    pub(crate) schema: ApiSchema,
    pub(crate) options: Options,
    pub(crate) connections: Arc<Connections>,
    /// Slots of sockets by organization, and by organization and token.
    sockets: Arc<SlotPool<OrganizationId>>,
    sockets_of_tokens: Arc<SlotPool<(OrganizationId, u128)>>,
    /// Slots of sockets whose clients are not authenticated yet, by address.
    pub(crate) greetings: Arc<SlotPool<IpAddr>>,
    /// Slots of uploads, each of which is held in memory while it arrives.
    pub(crate) uploads: Arc<SlotPool<OrganizationId>>,
    /// Permits of large answers.
    large_answers: Arc<Semaphore>,
    pub(crate) unsent: Unsent,
    /// Permits of subscriptions to read the store.
    pub(crate) subscription_reads: Arc<FairPermits>,
    /// Permits to look up the caller of a request, whose organization is not known yet.
    lookups: Semaphore,
    /// Permits to work on a request of an organization.
    requests: FairPermits,
    /// True once the server stops.
    pub(crate) closing: watch::Receiver<bool>,
}

/// The slot of an authenticated socket, until this is dropped.
pub(crate) struct SocketSlot {
    _of_token: Slots<(OrganizationId, u128)>,
    _of_organization: Slots<OrganizationId>,
}

/// What a caller sends to be authenticated: the token, and the organization that the call is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) token: String,
    pub(crate) organization: Option<String>,
}

impl ApiState {
    pub(crate) fn new(
        engine: Engine,
        options: Options,
        connections: Arc<Connections>,
        closing: watch::Receiver<bool>,
    ) -> Self {
        Self {
            schema: schema::build(engine.clone(), &options),
            engine,
            connections,
            sockets: SlotPool::new(options.sockets, options.sockets_of_one_organization),
            sockets_of_tokens: SlotPool::new(options.sockets, options.sockets_of_one_token),
            greetings: SlotPool::new(options.greetings, options.greetings_from_one_address),
            uploads: SlotPool::new(options.uploads_at_once, options.uploads_of_one_organization),
            large_answers: Arc::new(Semaphore::new(LARGE_AT_ONCE)),
            unsent: Unsent::default(),
            subscription_reads: Arc::new(FairPermits::new(READERS, READERS_OF_ONE_ORGANIZATION)),
            lookups: Semaphore::new(options.requests_at_once),
            requests: FairPermits::new(options.requests_at_once, options.requests_of_one_organization),
            options,
            closing,
        }
    }

    /// Takes a slot for a socket of this caller.
    pub(crate) fn socket_slot(&self, access: &Access) -> Result<SocketSlot, NoSlot> {
        let organization = access.organization.id;
        let of_token = self.sockets_of_tokens.take((organization, access.token.as_u128()), 1)?;
        Ok(SocketSlot { _of_token: of_token, _of_organization: self.sockets.take(organization, 1)? })
    }

    /// Looks up a caller as soon as there is a permit. The readers of the database serve in the order of asking, so
    /// without permits many requests would make running jobs wait.
    pub(crate) async fn with_lookup_permit<T>(&self, work: impl Future<Output = T>) -> T {
        // The semaphore is never closed, so there is always a permit.
        let _permit = self.lookups.acquire().await;
        work.await
    }

    /// Works on a request as soon as its organization has a permit.
    pub(crate) async fn with_request_permit<T>(&self, access: &Access, work: impl Future<Output = T>) -> T {
        let _permit = self.requests.acquire(access.organization.id).await;
        work.await
    }

    /// Authenticates the caller, within the time of a request. A refusal does not say what is wrong with the
    /// token.
    pub(crate) async fn authenticate(&self, credentials: Option<&Credentials>) -> Result<Access, ApiError> {
        let Some(credentials) = credentials else {
            let message = "The request has no API token; send one as `Authorization: Bearer TOKEN`.";
            return Err(ApiError::new(Code::Unauthenticated, message));
        };
        let tokens = self.engine.tokens();
        let authenticating = tokens.authenticate(&credentials.token, credentials.organization.as_deref());
        Ok(in_time(self.options.timeout, self.with_lookup_permit(authenticating)).await??)
    }

    /// Adds what resolvers need to a request: the caller, and loaders of its own, so that callers share nothing.
    pub(crate) fn prepare(&self, request: Request, access: Access, budget: Arc<AnswerBudget>) -> Request {
        let lines = LineLoader::new(self.engine.clone(), access.scope(), budget.clone());
        let waits = WaitLoader::new(self.engine.clone(), access.scope());
        let schedules = ScheduleLoader::new(self.engine.clone(), access.scope());
        let webhooks = WebhookLoader::new(self.engine.clone(), access.scope());
        request.data(access).data(budget).data(lines).data(waits).data(schedules).data(webhooks)
    }

    /// The budget of an answer.
    pub(crate) fn budget(&self, bytes: usize) -> Arc<AnswerBudget> {
        Arc::new(AnswerBudget::new(bytes, self.large_answers.clone()))
    }
}

impl Credentials {
    /// Reads the value of an `Authorization` header, also when it comes in a message of a WebSocket.
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
        let credentials = Credentials::read(" bearer  rw_1 ", Some("sales")).unwrap();
        assert_eq!((credentials.token.as_str(), credentials.organization.as_deref()), ("rw_1", Some("sales")));
        for text in ["", "rw_1", "Basic rw_1", "Bearer"] {
            assert_eq!(Credentials::read(text, None), None, "{text}");
        }
    }
}
