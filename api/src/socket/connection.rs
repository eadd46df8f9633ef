//! One open socket: a loop over what the client sends, what its subscriptions answer, and
//! the clock. Everything that waits has a limit: the greeting, each send, the silence.
//!
//! Each subscription reads the store in a task of its own and hands its messages over through a
//! small channel. While a message is being sent to a slow client, no task of this socket holds a
//! connection of the store, and no other socket waits.

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

use super::message::{self, Close, Said};
use crate::budget::{Counted, MESSAGE_BYTES};
use crate::connections;
use crate::door::{Door, Shown, SocketPlace};
use crate::gate::SubscriptionsOnly;
use crate::http::graphql;
use crate::quota::Places;
use crate::refusal::{Code, Refusal};
use crate::subscription::turn::Turn;

/// After this long without a word the client is asked whether it is there.
const QUIET: Duration = Duration::from_secs(30);
/// After this long without a word it is not.
const GONE: Duration = Duration::from_secs(75);

/// Whether the socket stays open: none to go on, else why it ends, if the client is
/// still there to be told.
type Ended = Option<Option<Close>>;

/// One open socket.
pub(super) struct Connection {
    door: Arc<Door>,
    socket: WebSocketStream,
    /// What the client showed: in its headers, until it says something else.
    shown: Option<Shown>,
    /// Who it is, once it is let in.
    access: Option<Access>,
    /// Its place: of a socket that is not authenticated yet, and later of one that is.
    place: Place,
    /// The connection below, where it is watched.
    below: Option<Arc<connections::Connection>>,
    /// The subscriptions by the id that the client gave, with the number that the server gave: an id
    /// can be used again while messages of its first use are still on their way.
    subscriptions: HashMap<String, (u64, AbortHandle)>,
    begun: u64,
    /// The tasks of the subscriptions; they end with the connection.
    tasks: JoinSet<()>,
    sender: mpsc::Sender<Outgoing>,
    outgoing: mpsc::Receiver<Outgoing>,
    /// Taken by one subscription of this socket at a time: see [`Turn`].
    turns: Arc<Semaphore>,
    heard: Instant,
}

/// The place that a socket takes.
#[expect(dead_code, reason = "they are held")]
pub(super) enum Place {
    Greeting(Option<Places<IpAddr>>),
    Socket(SocketPlace),
}

/// A message of a subscription.
struct Outgoing {
    id: String,
    number: u64,
    text: String,
    /// Whether it is the last one.
    last: bool,
    /// Held until it is sent.
    _counted: Counted,
}

/// What happens next on the socket.
enum Event {
    Said(Message),
    Outgoing(Outgoing),
    Tick,
    Leaving,
    Gone,
}

impl Connection {
    pub(super) fn new(
        door: Arc<Door>,
        socket: WebSocketStream,
        shown: Option<Shown>,
        place: Place,
        below: Option<Arc<connections::Connection>>,
    ) -> Self {
        let (sender, outgoing) = mpsc::channel(1);
        Self {
            door,
            socket,
            shown,
            access: None,
            place,
            below,
            subscriptions: HashMap::new(),
            begun: 0,
            tasks: JoinSet::new(),
            sender,
            outgoing,
            turns: Arc::new(Semaphore::new(1)),
            heard: Instant::now(),
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
            // The client may be gone already; then there is nobody to tell.
            let _ = timeout(self.door.options.send, self.socket.send(Message::close_with(code, reason))).await;
        }
    }

    /// Waits until the client says who it is.
    async fn greet(&mut self) -> Ended {
        let deadline = Instant::now() + self.door.options.greeting;
        let mut closing = self.door.closing.clone();
        while self.access.is_none() {
            let event = tokio::select! {
                said = timeout_at(deadline, self.socket.next()) => said,
                () = leaving(&mut closing) => return Some(Some(Close::Leaving)),
            };
            match event {
                Err(_) => return Some(Some(Close::Silent)),
                Ok(Some(Ok(said))) => {
                    if let ended @ Some(_) = self.hear(said).await {
                        return ended;
                    }
                }
                Ok(_) => return Some(None),
            }
        }
        None
    }

    async fn converse(&mut self) -> Option<Close> {
        let mut ticks = interval(self.door.options.recheck);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut closing = self.door.closing.clone();
        loop {
            let ended = match self.event(&mut ticks, &mut closing).await {
                Event::Said(said) => self.hear(said).await,
                Event::Outgoing(message) => self.pass_on(message).await,
                Event::Tick => self.check().await,
                Event::Leaving => Some(Some(Close::Leaving)),
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
            () = leaving(closing) => Event::Leaving,
            _ = ticks.tick() => Event::Tick,
            Some(message) = self.outgoing.recv() => Event::Outgoing(message),
            said = self.socket.next() => match said {
                Some(Ok(Message::Close(_)) | Err(_)) | None => Event::Gone,
                Some(Ok(said)) => Event::Said(said),
            },
        }
    }

    async fn hear(&mut self, said: Message) -> Ended {
        self.heard = Instant::now();
        let text = match &said {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(_) => return Some(Some(Close::Invalid)),
            Message::Close(_) => return Some(None),
            Message::Ping(_) | Message::Pong(_) => return None,
        };
        match message::read(text) {
            None => Some(Some(Close::Invalid)),
            Some(Said::Init(shown)) => self.let_in(shown).await,
            Some(Said::Ping) => self.send(message::pong()).await,
            Some(Said::Pong) => None,
            Some(Said::Complete(id)) => {
                self.forget(&id);
                None
            }
            Some(Said::Subscribe(id, payload)) => self.subscribe(id, payload).await,
        }
    }

    async fn let_in(&mut self, shown: Option<Shown>) -> Ended {
        if self.access.is_some() {
            return Some(Some(Close::Greeted));
        }
        self.shown = shown.or(self.shown.take());
        match self.door.let_in(self.shown.as_ref()).await {
            Ok(access) => {
                let Ok(place) = self.door.place_of_socket(&access) else { return Some(Some(Close::Full)) };
                self.place = Place::Socket(place);
                if let Some(below) = &self.below {
                    below.greeted();
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
            return Some(Some(Close::Repeated));
        }
        let most = self.door.options.subscriptions;
        if self.subscriptions.len() >= most {
            let refusal = Refusal::new(Code::TooComplex, format!("A socket may have at most {most} subscriptions."));
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
        self.begun += 1;
        while self.tasks.try_join_next().is_some() {}
        let turn = Arc::new(Turn::new(self.turns.clone(), self.door.watchers.clone(), access.organization.id));
        let (organization, budget) = (access.organization.id, self.door.budget(MESSAGE_BYTES));
        let request = self.door.prepare(request, access, budget.clone()).data(SubscriptionsOnly).data(turn.clone());
        let (schema, sender, number) = (self.door.schema.clone(), self.sender.clone(), self.begun);
        let unsent = self.door.unsent.clone();
        let mine = id.clone();
        let task = self.tasks.spawn(async move {
            let mut answers = schema.execute_stream(request);
            loop {
                let (mut text, mut last) = match answers.next().await {
                    Some(answer) => message_of(&mine, &answer),
                    None => (message::complete(&mine), true),
                };
                turn.end_reading();
                budget.reset();
                let counted = unsent.count(organization, text.len()).unwrap_or_else(|refusal| {
                    (text, last) = (message::refused(&mine, refusal), true);
                    None
                });
                let message = Outgoing { id: mine.clone(), number, text, last, _counted: counted };
                if sender.send(message).await.is_err() || last {
                    break;
                }
                turn.give_back();
            }
        });
        self.subscriptions.insert(id, (number, task));
    }

    async fn pass_on(&mut self, message: Outgoing) -> Ended {
        let Outgoing { id, number, text, last, _counted } = message;
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

    /// Now and then: is the token still good, and the client still there.
    async fn check(&mut self) -> Ended {
        match self.door.let_in(self.shown.as_ref()).await {
            Ok(access) => self.access = Some(access),
            Err(refusal) if refusal.code == Code::Unauthenticated => return Some(Some(Close::Forbidden)),
            // The store is away: the token was good a moment ago.
            Err(_) => {}
        }
        match self.heard.elapsed() {
            silence if silence > GONE => Some(Some(Close::Stuck)),
            silence if silence > QUIET => self.put(Message::ping([])).await,
            _ => None,
        }
    }

    async fn send(&mut self, text: String) -> Ended {
        self.put(Message::text(text)).await
    }

    async fn put(&mut self, message: Message) -> Ended {
        match timeout(self.door.options.send, self.socket.send(message)).await {
            Ok(Ok(())) => None,
            Ok(Err(_)) => Some(None),
            Err(_) => Some(Some(Close::Stuck)),
        }
    }
}

/// An answer as a message, and whether it is the last one: a subscription that was refused is over.
fn message_of(id: &str, answer: &Response) -> (String, bool) {
    if answer.is_err() && answer.data == async_graphql::Value::Null {
        return (message::error(id, answer), true);
    }
    (message::next(id, answer), false)
}

/// Waits until the server stops.
async fn leaving(closing: &mut watch::Receiver<bool>) {
    if closing.wait_for(|closing| *closing).await.is_err() {
        // Whoever could stop it is gone: it ends with the process.
        pending::<()>().await;
    }
}
