//! One open socket: a loop over what the client says, what its subscriptions tell, and
//! the clock. Everything that waits has a limit: the greeting, each send, the silence.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Request, Response};
use engine::model::organization::Access;
use futures_util::future::{AbortHandle, pending};
use futures_util::stream::{BoxStream, SelectAll, abortable, once};
use futures_util::{SinkExt, StreamExt};
use poem::web::websocket::{Message, WebSocketStream};
use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, timeout, timeout_at};

use super::message::{self, Close, Said};
use crate::door::{Door, Shown};
use crate::gate::SubscriptionsOnly;
use crate::http::graphql;
use crate::refusal::{Code, Refusal};

/// How long the client may take to take one message.
const SEND: Duration = Duration::from_secs(10);
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
    subscriptions: HashMap<String, AbortHandle>,
    told: SelectAll<BoxStream<'static, (String, Told)>>,
    heard: Instant,
}

/// What a subscription tells.
enum Told {
    Answer(Box<Response>),
    Over,
}

/// What happens next on the socket.
enum Event {
    Said(Message),
    Told(String, Told),
    Tick,
    Leaving,
    Gone,
}

impl Connection {
    pub(super) fn new(door: Arc<Door>, socket: WebSocketStream, shown: Option<Shown>) -> Self {
        let (subscriptions, told, heard) = (HashMap::new(), SelectAll::new(), Instant::now());
        Self { door, socket, shown, access: None, subscriptions, told, heard }
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
            let _ = timeout(SEND, self.socket.send(Message::close_with(code, reason))).await;
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
                Event::Told(id, told) => self.tell(id, told).await,
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
            Some((id, told)) = self.told.next(), if !self.told.is_empty() => Event::Told(id, told),
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
        let request = self.door.prepare(request, access).data(SubscriptionsOnly);
        let answers = self.door.schema.execute_stream(request).map(|answer| Told::Answer(Box::new(answer)));
        // The end is inside what is aborted: an id that is used again must not end with
        // the subscription that had it before.
        let (told, handle) = abortable(answers.chain(once(async { Told::Over })));
        self.subscriptions.insert(id.clone(), handle);
        self.told.push(told.map(move |told| (id.clone(), told)).boxed());
    }

    async fn tell(&mut self, id: String, told: Told) -> Ended {
        match told {
            Told::Answer(answer) if answer.is_err() && answer.data == async_graphql::Value::Null => {
                self.forget(&id);
                self.send(message::error(&id, &answer)).await
            }
            Told::Answer(answer) => self.send(message::next(&id, &answer)).await,
            Told::Over => {
                self.forget(&id);
                self.send(message::complete(&id)).await
            }
        }
    }

    fn forget(&mut self, id: &str) {
        if let Some(handle) = self.subscriptions.remove(id) {
            handle.abort();
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
        match timeout(SEND, self.socket.send(message)).await {
            Ok(Ok(())) => None,
            Ok(Err(_)) => Some(None),
            Err(_) => Some(Some(Close::Stuck)),
        }
    }
}

/// Waits until the server stops.
async fn leaving(closing: &mut watch::Receiver<bool>) {
    if closing.wait_for(|closing| *closing).await.is_err() {
        // Whoever could stop it is gone: it ends with the process.
        pending::<()>().await;
    }
}
