//! Accepts connections within the limits.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use poem::http::uri::Scheme;
use poem::listener::Acceptor;
use poem::web::{LocalAddr, RemoteAddr};
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::Connections;
use super::timed_stream::TimedStream;

/// How long to pause after accepting failed: at first, and at most.
const PAUSES: [Duration; 2] = [Duration::from_millis(20), Duration::from_secs(1)];

/// The errors of accepting when the process or the machine has too many files or too little memory: `EMFILE`, `ENFILE`,
/// `ENOBUFS`, `ENOMEM`.
const EXHAUSTED: [i32; 4] = [24, 23, 105, 12];

/// An acceptor that registers connections, and refuses those beyond the limits.
pub(crate) struct LimitedAcceptor {
    listener: TcpListener,
    address: LocalAddr,
    connections: Arc<Connections>,
}

impl LimitedAcceptor {
    pub(crate) fn new(listener: TcpListener, connections: Arc<Connections>) -> io::Result<Self> {
        let address = LocalAddr(listener.local_addr()?.into());
        Ok(Self { listener, address, connections })
    }
}

impl Acceptor for LimitedAcceptor {
    type Io = TimedStream;

    fn local_addr(&self) -> Vec<LocalAddr> {
        vec![self.address.clone()]
    }

    async fn accept(&mut self) -> io::Result<(TimedStream, LocalAddr, RemoteAddr, Scheme)> {
        let [mut pause, longest] = PAUSES;
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    // A refused connection is closed without an answer, which would need memory that is short.
                    let Some(connection) = self.connections.admit(address) else { continue };
                    let stream = TimedStream::new(stream, address, connection, Arc::clone(&self.connections));
                    return Ok((stream, self.address.clone(), RemoteAddr(address.into()), Scheme::HTTP));
                }
                // The client has closed it already.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    let exhausted = error.raw_os_error().is_some_and(|code| EXHAUSTED.contains(&code));
                    let closed = if exhausted { self.connections.close_waiting(|_| true) } else { 0 };
                    self.connections.warn(closed, &error);
                    sleep(pause).await;
                    pause = (pause * 2).min(longest);
                }
            }
        }
    }
}
