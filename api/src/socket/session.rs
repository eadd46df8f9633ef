//! One open socket: a loop over the messages of the client, the messages of its subscriptions, and the clock. Every
//! wait has a time limit: for authentication, for each send, and for a silent client.
//!
//! Each subscription reads the store in its own task and hands its messages over through a small channel. While a
//! message is sent to a slow client, no task of this socket holds a connection of the store, and no other socket waits.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Request, Response};
use engine::model::organization::Access;
use futures_util::future::pending;
use futures_util::{SinkExt, StreamExt};
use poem::web::websocket::{Message, WebSocketStream};
use serde_json::{Map, Value};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, timeout, timeout_at};

use super::message::{self, ClientMessage, Close};
use crate::budget::{MESSAGE_BYTES, UnsentBytes};
use crate::connections::Connection;
use crate::error::{ApiError, Code};
use crate::guard::SubscriptionsOnly;
use crate::http::graphql;
use crate::slots::Slots;
use crate::state::{ApiState, Credentials, SocketSlot};
use crate::subscription::read_permit::ReadPermit;

/// A client that has sent nothing for this long gets a ping.
const QUIET: Duration = Duration::from_secs(30);
/// A client that has sent nothing for this long is disconnected.
const GONE: Duration = Duration::from_secs(75);

/// Whether the session has ended: none if it continues, else the close frame to send, if the client is still connected.
type Ended = Option<Option<Close>>;

/// One open socket.
pub(super) struct Session {
    state: Arc<ApiState>,
    socket: WebSocketStream,
    /// The credentials of the headers, until the client sends others.
    credentials: Option<Credentials>,
    /// The caller, once it is authenticated.
    access: Option<Access>,
    slot: SessionSlot,
    /// The TCP connection, if it is registered.
    connection: Option<Arc<Connection>>,
    /// The subscriptions by the id of the client, with a number of the server: an id can be used again while messages
    /// of its first use are still on their way.
    subscriptions: HashMap<String, (u64, AbortHandle)>,
    last_number: u64,
    /// The tasks of the subscriptions; they end with the session.
    tasks: JoinSet<()>,
    sender: mpsc::Sender<Outgoing>,
    outgoing: mpsc::Receiver<Outgoing>,
    /// Held by one subscription of this socket at a time: see [`ReadPermit`].
    read_permit: Arc<Semaphore>,
    last_heard: Instant,
}

/// The slot that a socket takes: first among those that are not authenticated, then among those that are.
#[expect(dead_code, reason = "they are held")]
pub(super) enum SessionSlot {
    Greeting(Option<Slots<IpAddr>>),
    Authenticated(SocketSlot),
}

/// A message of a subscription.
struct Outgoing {
    id: String,
    number: u64,
    text: String,
    /// Whether it is the last one.
    last: bool,
    /// Held until it is sent.
    _unsent: UnsentBytes,
}

/// What happens next on the socket.
enum Event {
    Received(Message),
    Outgoing(Outgoing),
    Tick,
    ServerStops,
    Gone,
}

impl Session {
    pub(super) fn new(
        state: Arc<ApiState>,
        socket: WebSocketStream,
        credentials: Option<Credentials>,
        slot: SessionSlot,
        connection: Option<Arc<Connection>>,
    ) -> Self {
        let (sender, outgoing) = mpsc::channel(1);
        Self {
            state,
            socket,
            credentials,
            access: None,
            slot,
            connection,
            subscriptions: HashMap::new(),
            last_number: 0,
            tasks: JoinSet::new(),
            sender,
            outgoing,
            read_permit: Arc::new(Semaphore::new(1)),
            last_heard: Instant::now(),
        }
    }

    /// Serves the socket until either side ends it.
    pub(super) async fn serve(mut self) {
        let ended = match self.greet().await {
            Some(ended) => ended,
            None => self.converse().await,
        };
        if let Some(close) = ended {
            let (code, reason) = close.frame();
            // It does not matter if the client has gone already.
            let _ = timeout(self.state.options.send, self.socket.send(Message::close_with(code, reason))).await;
        }
    }

    /// Waits until the client is authenticated.
    async fn greet(&mut self) -> Ended {
        let deadline = Instant::now() + self.state.options.greeting;
        let mut closing = self.state.closing.clone();
        while self.access.is_none() {
            let event = tokio::select! {
                received = timeout_at(deadline, self.socket.next()) => received,
                () = server_stops(&mut closing) => return Some(Some(Close::ServerStops)),
            };
            match event {
                Err(_) => return Some(Some(Close::InitTimeout)),
                Ok(Some(Ok(received))) => {
                    if let ended @ Some(_) = self.handle(received).await {
                        return ended;
                    }
                }
                Ok(_) => return Some(None),
            }
        }
        None
    }

    async fn converse(&mut self) -> Option<Close> {
        let mut ticks = interval(self.state.options.recheck);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut closing = self.state.closing.clone();
        loop {
            let ended = match self.event(&mut ticks, &mut closing).await {
                Event::Received(received) => self.handle(received).await,
                Event::Outgoing(message) => self.forward(message).await,
                Event::Tick => self.check().await,
                Event::ServerStops => Some(Some(Close::ServerStops)),
                Event::Gone => Some(None),
            };
            if let Some(ended) = ended {
                return ended;
            }
        }
    }

    async fn event(&mut self, ticks: &mut Interval, closing: &mut watch::Receiver<bool>) -> Event {
        // The clock comes first, so that a flood of messages cannot keep an expired token alive.
        tokio::select! {
            biased;
            () = server_stops(closing) => Event::ServerStops,
            _ = ticks.tick() => Event::Tick,
            Some(message) = self.outgoing.recv() => Event::Outgoing(message),
            received = self.socket.next() => match received {
                Some(Ok(Message::Close(_)) | Err(_)) | None => Event::Gone,
                Some(Ok(received)) => Event::Received(received),
            },
        }
    }

    async fn handle(&mut self, received: Message) -> Ended {
        self.last_heard = Instant::now();
        let text = match &received {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(_) => return Some(Some(Close::Invalid)),
            Message::Close(_) => return Some(None),
            Message::Ping(_) | Message::Pong(_) => return None,
        };
        match message::read(text) {
            None => Some(Some(Close::Invalid)),
            Some(ClientMessage::Init(credentials)) => self.authenticate(credentials).await,
            Some(ClientMessage::Ping) => self.send(message::pong()).await,
            Some(ClientMessage::Pong) => None,
            Some(ClientMessage::Complete(id)) => {
                self.forget(&id);
                None
            }
            Some(ClientMessage::Subscribe(id, payload)) => self.subscribe(id, payload).await,
        }
    }

    async fn authenticate(&mut self, credentials: Option<Credentials>) -> Ended {
        if self.access.is_some() {
            return Some(Some(Close::RepeatedInit));
        }
        self.credentials = credentials.or(self.credentials.take());
        match self.state.authenticate(self.credentials.as_ref()).await {
            Ok(access) => {
                let Ok(slot) = self.state.socket_slot(&access) else { return Some(Some(Close::Full)) };
                self.slot = SessionSlot::Authenticated(slot);
                if let Some(connection) = &self.connection {
                    connection.set_authenticated();
                }
                self.access = Some(access);
                self.send(message::acknowledge()).await
            }
            Err(_) => Some(Some(Close::Forbidden)),
        }
    }

    async fn subscribe(&mut self, id: String, payload: Map<String, Value>) -> Ended {
        let Some(access) = self.access.clone() else { return Some(Some(Close::Unacknowledged)) };
        if self.subscriptions.contains_key(&id) {
            return Some(Some(Close::RepeatedSubscription));
        }
        let most = self.state.options.subscriptions;
        if self.subscriptions.len() >= most {
            let refusal = ApiError::new(Code::TooComplex, format!("A socket may have at most {most} subscriptions."));
            return self.send(message::refused(&id, refusal)).await;
        }
        match graphql::read(payload) {
            Ok(request) => {
                self.begin(id, request, access);
                None
            }
            Err(refusal) => self.send(message::refused(&id, refusal)).await,
        }
    }

    fn begin(&mut self, id: String, request: Request, access: Access) {
        self.last_number += 1;
        while self.tasks.try_join_next().is_some() {}
        let (organization, budget) = (access.organization.id, self.state.budget(MESSAGE_BYTES));
        let readers = self.state.subscription_reads.clone();
        let permit = Arc::new(ReadPermit::new(self.read_permit.clone(), readers, organization));
        let request = self.state.prepare(request, access, budget.clone()).data(SubscriptionsOnly).data(permit.clone());
        let (schema, sender, number) = (self.state.schema.clone(), self.sender.clone(), self.last_number);
        let unsent = self.state.unsent.clone();
        let own_id = id.clone();
        let task = self.tasks.spawn(async move {
            let mut answers = schema.execute_stream(request);
            loop {
                let (mut text, mut last) = match answers.next().await {
                    Some(answer) => message_of(&own_id, &answer),
                    None => (message::complete(&own_id), true),
                };
                permit.release_reader();
                budget.reset();
                let bytes = unsent.count(organization, text.len()).unwrap_or_else(|refusal| {
                    (text, last) = (message::refused(&own_id, refusal), true);
                    None
                });
                let message = Outgoing { id: own_id.clone(), number, text, last, _unsent: bytes };
                if sender.send(message).await.is_err() || last {
                    break;
                }
                permit.release();
            }
        });
        self.subscriptions.insert(id, (number, task));
    }

    async fn forward(&mut self, message: Outgoing) -> Ended {
        let Outgoing { id, number, text, last, _unsent } = message;
        // The client ended the subscription while this message was on its way.
        if self.subscriptions.get(&id).is_none_or(|(known, _)| *known != number) {
            return None;
        }
        if last {
            self.forget(&id);
        }
        self.send(text).await
    }

    fn forget(&mut self, id: &str) {
        if let Some((_, task)) = self.subscriptions.remove(id) {
            task.abort();
        }
    }

    /// Checks regularly that the token is still valid and the client still connected.
    async fn check(&mut self) -> Ended {
        match self.state.authenticate(self.credentials.as_ref()).await {
            Ok(access) => self.access = Some(access),
            Err(refusal) if refusal.code == Code::Unauthenticated => return Some(Some(Close::Forbidden)),
            // The store cannot be read, but the token was valid a moment ago.
            Err(_) => {}
        }
        match self.last_heard.elapsed() {
            silence if silence > GONE => Some(Some(Close::Stuck)),
            silence if silence > QUIET => self.send_message(Message::ping([])).await,
            _ => None,
        }
    }

    async fn send(&mut self, text: String) -> Ended {
        self.send_message(Message::text(text)).await
    }

    async fn send_message(&mut self, message: Message) -> Ended {
        match timeout(self.state.options.send, self.socket.send(message)).await {
            Ok(Ok(())) => None,
            Ok(Err(_)) => Some(None),
            Err(_) => Some(Some(Close::Stuck)),
        }
    }
}

/// An answer as a message, and whether it is the last one, which a refusal is.
fn message_of(id: &str, answer: &Response) -> (String, bool) {
    if answer.is_err() && answer.data == async_graphql::Value::Null {
        return (message::error(id, answer), true);
    }
    (message::next(id, answer), false)
}

/// Waits until the server stops.
async fn server_stops(closing: &mut watch::Receiver<bool>) {
    if closing.wait_for(|closing| *closing).await.is_err() {
        // Nobody can stop the server any more, so it ends with the process.
        pending::<()>().await;
    }
}
