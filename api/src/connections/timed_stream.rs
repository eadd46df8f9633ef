//! The byte stream of a connection, which fails when its client is too slow.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::connection::Phase;
use super::{Connection, Connections};

/// The beginning of HTTP/2. It is refused, since there one connection could carry hundreds of requests at once.
const HTTP_2: &[u8] = b"PRI * HTTP/2";

/// A TCP stream with time limits.
pub(crate) struct TimedStream {
    stream: TcpStream,
    address: SocketAddr,
    connection: Arc<Connection>,
    connections: Arc<Connections>,
    closed: Pin<Box<WaitForCancellationFutureOwned>>,
    read_timer: Pin<Box<Sleep>>,
    write_timer: Pin<Box<Sleep>>,
    /// Bytes written since `write_timer` was set; none while nothing is stuck.
    written: Option<usize>,
    /// Number of the request whose answer is being written.
    request: u64,
    /// The first bytes received, enough to recognise HTTP/2.
    first: Vec<u8>,
}

impl TimedStream {
    pub(super) fn new(
        stream: TcpStream,
        address: SocketAddr,
        connection: Arc<Connection>,
        connections: Arc<Connections>,
    ) -> Self {
        let closed = Box::pin(connection.close.clone().cancelled_owned());
        let timer = || Box::pin(sleep_until(Instant::now()));
        let (read_timer, write_timer) = (timer(), timer());
        let (written, request, first) = (None, 0, Vec::new());
        Self { stream, address, connection, connections, closed, read_timer, write_timer, written, request, first }
    }

    /// Notes received bytes.
    ///
    /// # Errors
    /// They are HTTP/2, or too many for a WebSocket whose client is not authenticated.
    fn receive(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.first.len() < HTTP_2.len() {
            self.first.extend(bytes.iter().take(HTTP_2.len() - self.first.len()));
            if self.first == HTTP_2 {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "HTTP/2 is not supported"));
            }
        }
        let mut state = self.connection.state();
        state.received += bytes.len();
        match state.phase {
            Phase::Idle => (state.phase, state.since) = (Phase::Header, Instant::now()),
            Phase::Socket { authenticated: false } if state.received > self.connections.limits.before_greeting => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "too many bytes before authentication"));
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
        if self.read_timer.deadline() != deadline {
            self.read_timer.as_mut().reset(deadline);
        }
        self.read_timer.as_mut().poll(context)
    }

    /// Notes the outcome of an attempt to write.
    ///
    /// # Errors
    /// The client has read too little for too long.
    fn note_write(&mut self, context: &mut Context<'_>, outcome: &Poll<io::Result<usize>>) -> io::Result<()> {
        let limits = &self.connections.limits;
        if outcome.is_ready() {
            self.connection.note_write();
        }
        let request = self.connection.state().requests;
        if self.request != request {
            (self.request, self.written) = (request, None);
        }
        match (outcome, &mut self.written) {
            (Poll::Ready(Ok(bytes)), Some(written)) => {
                *written += bytes;
                if *written >= limits.pace || self.write_timer.deadline() <= Instant::now() {
                    self.written = None;
                }
            }
            (Poll::Pending, written) => {
                if written.is_none() {
                    *written = Some(0);
                    self.write_timer.as_mut().reset(Instant::now() + limits.write);
                }
                if self.write_timer.as_mut().poll(context).is_ready() {
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
                Err(io::Error::new(io::ErrorKind::ConnectionAborted, "closed to make room for other connections"))
            }
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for TimedStream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        match Pin::new(&mut this.stream).poll_read(context, buffer) {
            Poll::Ready(Ok(())) => Poll::Ready(this.receive(&buffer.filled()[before..])),
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

impl AsyncWrite for TimedStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.note_write(context, &outcome)?;
        outcome
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.note_write(context, &outcome)?;
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

impl Drop for TimedStream {
    fn drop(&mut self) {
        self.connections.remove(self.address, &self.connection);
    }
}
