//! The state of one connection, shared by its stream, its requests and the registry.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::slots::Slots;

/// What a connection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// No byte of a request has come.
    Idle,
    /// A request is arriving.
    Header,
    /// A request is handled; handlers have time limits of their own.
    Busy,
    /// A WebSocket, which has time limits of its own, and whether its client is authenticated.
    Socket { authenticated: bool },
}

#[derive(Debug)]
pub(super) struct State {
    pub phase: Phase,
    pub since: Instant,
    /// Bytes received in this phase.
    pub received: usize,
    /// How many requests have come.
    pub requests: u64,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Tells two connections from the same address and port apart.
    pub(super) number: u64,
    /// Cancelled when the connection is to be closed.
    pub(super) close: CancellationToken,
    state: Mutex<State>,
    _slot: Slots<IpAddr>,
}

impl Connection {
    pub(super) fn new(number: u64, slot: Slots<IpAddr>) -> Self {
        let state = State { phase: Phase::Idle, since: Instant::now(), received: 0, requests: 0 };
        Self { number, close: CancellationToken::new(), state: Mutex::new(state), _slot: slot }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn enter(&self, phase: Phase) {
        let mut state = self.state();
        (state.phase, state.since, state.received) = (phase, Instant::now(), 0);
        state.requests += u64::from(phase == Phase::Busy);
    }

    /// Notes that the client of the WebSocket is authenticated.
    pub(crate) fn set_authenticated(&self) {
        self.enter(Phase::Socket { authenticated: true });
    }

    /// Notes that something of an answer was written: the wait for the next request starts again.
    pub(super) fn note_write(&self) {
        let mut state = self.state();
        if state.phase == Phase::Idle {
            state.since = Instant::now();
        }
    }

    /// Since when it waits for a request; none if it does not.
    pub(super) fn waits_since(&self) -> Option<Instant> {
        let state = self.state();
        matches!(state.phase, Phase::Idle | Phase::Header).then_some(state.since)
    }
}
