//! The connections of the server: how many there are, and how long each may take.
//!
//! hyper has no limit for a client that sends half a header, or does not read its answer. So each
//! connection is watched where its bytes pass: a request has to arrive in time, an answer has to be
//! taken at some pace, and a connection on which nothing happens is closed. Where there are too many
//! connections, those that wait for a request give way, the oldest first.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use poem::http::StatusCode;
use poem::http::uri::Scheme;
use poem::listener::Acceptor;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, Endpoint, IntoResponse, Request, Response};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep, sleep, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::quota::{NoPlace, Places, Quota};

/// Bounds of connections.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How many connections there may be.
    pub connections: usize,
    /// How many of them from one address. A proxy in front of the server counts as one address.
    pub from_one_address: usize,
    /// How long the header of a request may take to arrive, from its first byte.
    pub header: Duration,
    /// How long a connection is kept on which no request comes.
    pub idle: Duration,
    /// How long an answer may be stuck. In this time a client has to take at least [`Limits::pace`] bytes.
    pub write: Duration,
    /// See [`Limits::write`].
    pub pace: usize,
    /// Bytes that a WebSocket may send before it is authenticated.
    pub before_greeting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 8192,
            from_one_address: 6144,
            header: Duration::from_secs(10),
            idle: Duration::from_secs(120),
            write: Duration::from_secs(10),
            pace: 320 * 1024,
            before_greeting: 4096,
        }
    }
}

/// The beginning of HTTP/2, which is not spoken: there one connection has hundreds of requests.
const HTTP_2: &[u8] = b"PRI * HTTP/2";
/// How long accepting rests after it failed: at first, and at most.
const RESTS: [Duration; 2] = [Duration::from_millis(20), Duration::from_secs(1)];

/// The errors of accepting when the process or the machine has too many files or too little memory: `EMFILE`, `ENFILE`,
/// `ENOBUFS`, `ENOMEM`.
const EXHAUSTED: [i32; 4] = [24, 23, 105, 12];
/// How often the log says that there are too many connections.
const WARN_EVERY: Duration = Duration::from_secs(10);

/// What a connection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No byte of a request has come.
    Idle,
    /// A request is arriving.
    Header,
    /// A request is worked on; the handler has its own time limits.
    Busy,
    /// A WebSocket, which keeps its own time, and whether its client is authenticated.
    Socket { greeted: bool },
}

#[derive(Debug)]
struct State {
    phase: Phase,
    since: Instant,
    /// Bytes that came since it became a socket.
    received: usize,
    /// How many requests have come.
    requests: u64,
}

/// A connection, as it is known outside.
#[derive(Debug)]
pub(crate) struct Connection {
    number: u64,
    state: Mutex<State>,
    close: CancellationToken,
    _place: Places<IpAddr>,
}

impl Connection {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, phase: Phase) {
        let mut state = self.state();
        (state.phase, state.since, state.received) = (phase, Instant::now(), 0);
        state.requests += u64::from(phase == Phase::Busy);
    }

    /// The client of the socket is authenticated.
    pub(crate) fn greeted(&self) {
        self.enter(Phase::Socket { greeted: true });
    }

    /// Something of an answer was written: the wait for the next request begins again.
    fn wrote(&self) {
        let mut state = self.state();
        if state.phase == Phase::Idle {
            state.since = Instant::now();
        }
    }

    /// Since when it waits for its client to send a request; none if it does not.
    fn waits_since(&self) -> Option<Instant> {
        let state = self.state();
        matches!(state.phase, Phase::Idle | Phase::Header).then_some(state.since)
    }
}

/// All connections.
#[derive(Debug)]
pub(crate) struct Connections {
    limits: Limits,
    places: Arc<Quota<IpAddr>>,
    open: Mutex<HashMap<SocketAddr, Arc<Connection>>>,
    numbers: AtomicU64,
    warned: Mutex<Option<Instant>>,
}

impl Connections {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        let places = Quota::new(limits.connections, limits.from_one_address);
        let (numbers, warned) = (AtomicU64::new(0), Mutex::default());
        Arc::new(Self { limits, places, open: Mutex::default(), numbers, warned })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<SocketAddr, Arc<Connection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection on which a request came.
    pub(crate) fn of(&self, request: &Request) -> Option<Arc<Connection>> {
        let Addr::SocketAddr(address) = &request.remote_addr().0 else { return None };
        self.open().get(address).cloned()
    }

    /// Takes a place. Where there is none, connections that wait for a request are closed, and theirs is taken before
    /// their tasks have given it back: nobody waits in the loop that accepts.
    fn admit(&self, address: SocketAddr) -> Option<Arc<Connection>> {
        let place = self.places.take(address.ip(), 1).or_else(|full| {
            let closed = self.close_waiting(|other| full == NoPlace::All || other.ip() == address.ip());
            self.warn(closed, &"too many connections are open");
            if closed > 0 { Ok(self.places.take_anyway(address.ip(), 1)) } else { Err(full) }
        });
        let place = place.ok()?;
        let connection = Arc::new(Connection {
            number: self.numbers.fetch_add(1, Ordering::Relaxed),
            state: Mutex::new(State { phase: Phase::Idle, since: Instant::now(), received: 0, requests: 0 }),
            close: CancellationToken::new(),
            _place: place,
        });
        self.open().insert(address, Arc::clone(&connection));
        Some(connection)
    }

    /// Says what is wrong, but not at each of a thousand attempts.
    fn warn(&self, closed: usize, cause: &dyn std::fmt::Display) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_none_or(|warned| warned.elapsed() > WARN_EVERY) {
            *warned = Some(Instant::now());
            tracing::warn!(closed, %cause, "there is no room for more connections; those that wait for a request give way");
        }
    }

    /// Closes the older half of the connections that wait for a request; how many.
    fn close_waiting(&self, is_meant: impl Fn(&SocketAddr) -> bool) -> usize {
        let mut open = self.open();
        let waiting: BTreeMap<_, _> = open
            .iter()
            .filter(|(address, _)| is_meant(address))
            .filter_map(|(address, connection)| Some(((connection.waits_since()?, connection.number), *address)))
            .collect();
        let closing = waiting.len().div_ceil(2);
        for address in waiting.into_values().take(closing) {
            // Its place is free when the task of the connection has let go of it too.
            if let Some(connection) = open.remove(&address) {
                connection.close.cancel();
            }
        }
        closing
    }
}

/// Accepts connections within the limits.
pub(crate) struct Accept {
    listener: TcpListener,
    address: LocalAddr,
    connections: Arc<Connections>,
}

impl Accept {
    pub(crate) fn new(listener: TcpListener, connections: Arc<Connections>) -> io::Result<Self> {
        let address = LocalAddr(listener.local_addr()?.into());
        Ok(Self { listener, address, connections })
    }
}

impl Acceptor for Accept {
    type Io = Watched;

    fn local_addr(&self) -> Vec<LocalAddr> {
        vec![self.address.clone()]
    }

    async fn accept(&mut self) -> io::Result<(Watched, LocalAddr, RemoteAddr, Scheme)> {
        let [mut rest, longest] = RESTS;
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    // A refused connection is closed without an answer: there is no memory to spare for one.
                    let Some(connection) = self.connections.admit(address) else { continue };
                    let watched = Watched::new(stream, address, connection, Arc::clone(&self.connections));
                    return Ok((watched, self.address.clone(), RemoteAddr(address.into()), Scheme::HTTP));
                }
                // The client has gone again.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    let exhausted = error.raw_os_error().is_some_and(|code| EXHAUSTED.contains(&code));
                    let closed = if exhausted { self.connections.close_waiting(|_| true) } else { 0 };
                    self.connections.warn(closed, &error);
                    sleep(rest).await;
                    rest = (rest * 2).min(longest);
                }
            }
        }
    }
}

/// A stream that is closed when its time is over.
pub(crate) struct Watched {
    stream: TcpStream,
    address: SocketAddr,
    connection: Arc<Connection>,
    connections: Arc<Connections>,
    closed: Pin<Box<WaitForCancellationFutureOwned>>,
    reading: Pin<Box<Sleep>>,
    writing: Pin<Box<Sleep>>,
    /// Bytes that were written since `writing` was set; none if nothing is stuck.
    written: Option<usize>,
    /// Which request the answer belongs to that is being written.
    request: u64,
    /// The first bytes that came, as many as tell HTTP/2.
    first: Vec<u8>,
}

impl Watched {
    fn new(stream: TcpStream, address: SocketAddr, connection: Arc<Connection>, connections: Arc<Connections>) -> Self {
        let closed = Box::pin(connection.close.clone().cancelled_owned());
        let timer = || Box::pin(sleep_until(Instant::now()));
        let (reading, writing) = (timer(), timer());
        Self {
            stream,
            address,
            connection,
            connections,
            closed,
            reading,
            writing,
            written: None,
            request: 0,
            first: Vec::new(),
        }
    }

    /// What came: is it still allowed.
    fn received(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.first.len() < HTTP_2.len() {
            self.first.extend(bytes.iter().take(HTTP_2.len() - self.first.len()));
            if self.first == HTTP_2 {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "HTTP/2 is not spoken here"));
            }
        }
        let mut state = self.connection.state();
        state.received += bytes.len();
        match state.phase {
            Phase::Idle => (state.phase, state.since) = (Phase::Header, Instant::now()),
            Phase::Socket { greeted: false } if state.received > self.connections.limits.before_greeting => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "too much came before the greeting"));
            }
            _ => {}
        }
        Ok(())
    }

    /// Until when the client has to send something.
    fn deadline(&self) -> Option<Instant> {
        let (state, limits) = (self.connection.state(), &self.connections.limits);
        match state.phase {
            Phase::Idle => Some(state.since + limits.idle),
            Phase::Header => Some(state.since + limits.header),
            Phase::Busy | Phase::Socket { .. } => None,
        }
    }

    /// Ready once the time to send a request is over.
    fn poll_overdue(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline() else { return Poll::Pending };
        if self.reading.deadline() != deadline {
            self.reading.as_mut().reset(deadline);
        }
        self.reading.as_mut().poll(context)
    }

    /// Notes that something was written, or could not be; an error if too little was for too long.
    fn wrote(&mut self, context: &mut Context<'_>, outcome: &Poll<io::Result<usize>>) -> io::Result<()> {
        let limits = &self.connections.limits;
        if outcome.is_ready() {
            self.connection.wrote();
        }
        let request = self.connection.state().requests;
        if self.request != request {
            (self.request, self.written) = (request, None);
        }
        match (outcome, &mut self.written) {
            (Poll::Ready(Ok(bytes)), Some(written)) => {
                *written += bytes;
                if *written >= limits.pace || self.writing.deadline() <= Instant::now() {
                    self.written = None;
                }
            }
            (Poll::Pending, written) => {
                if written.is_none() {
                    *written = Some(0);
                    self.writing.as_mut().reset(Instant::now() + limits.write);
                }
                if self.writing.as_mut().poll(context).is_ready() {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read its answer"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn poll_closed(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.closed.as_mut().poll(context) {
            Poll::Ready(()) => {
                Err(io::Error::new(io::ErrorKind::ConnectionAborted, "other connections need the place"))
            }
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        match Pin::new(&mut this.stream).poll_read(context, buffer) {
            Poll::Ready(Ok(())) => Poll::Ready(this.received(&buffer.filled()[before..])),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                this.poll_closed(context)?;
                match this.poll_overdue(context) {
                    Poll::Ready(()) => {
                        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "no request came in time")))
                    }
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }
}

impl AsyncWrite for Watched {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.wrote(context, &outcome)?;
        outcome
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.wrote(context, &outcome)?;
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let mut open = self.connections.open();
        // The address may be that of a newer connection by now.
        if open.get(&self.address).is_some_and(|known| known.number == self.connection.number) {
            open.remove(&self.address);
        }
    }
}

/// Tells the connection of each request when it is worked on, and when it is answered.
pub(crate) struct Timed<E> {
    pub(crate) endpoint: E,
    pub(crate) connections: Arc<Connections>,
}

impl<E: Endpoint> Endpoint for Timed<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let connection = self.connections.of(&request);
        if let Some(connection) = &connection {
            connection.enter(Phase::Busy);
        }
        let answer = self.endpoint.call(request).await.map(IntoResponse::into_response);
        if let Some(connection) = &connection {
            let upgraded = answer.as_ref().is_ok_and(|answer| answer.status() == StatusCode::SWITCHING_PROTOCOLS);
            connection.enter(if upgraded { Phase::Socket { greeted: false } } else { Phase::Idle });
        }
        answer
    }
}
