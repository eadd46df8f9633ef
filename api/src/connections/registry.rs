//! The registry of all open connections.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use poem::{Addr, Request};
use tokio::time::Instant;

use super::{Connection, Limits};
use crate::slots::{NoSlot, SlotPool};

/// How often the log may say that there are too many connections.
const WARN_EVERY: Duration = Duration::from_secs(10);

/// All open connections, by the address of their clients.
#[derive(Debug)]
pub(crate) struct Connections {
    pub(super) limits: Limits,
    slots: Arc<SlotPool<IpAddr>>,
    open: Mutex<HashMap<SocketAddr, Arc<Connection>>>,
    last_number: AtomicU64,
    last_warning: Mutex<Option<Instant>>,
}

impl Connections {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        let slots = SlotPool::new(limits.connections, limits.from_one_address);
        let (last_number, last_warning) = (AtomicU64::new(0), Mutex::default());
        Arc::new(Self { limits, slots, open: Mutex::default(), last_number, last_warning })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<SocketAddr, Arc<Connection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection on which a request came.
    pub(crate) fn of(&self, request: &Request) -> Option<Arc<Connection>> {
        let Addr::SocketAddr(address) = &request.remote_addr().0 else { return None };
        self.open().get(address).cloned()
    }

    /// Registers a new connection; none if it has to be refused. If there is no slot, connections that wait for a
    /// request are closed. Their slots count as free at once, so that accepting does not wait for their tasks to end.
    pub(super) fn admit(&self, address: SocketAddr) -> Option<Arc<Connection>> {
        let slot = self.slots.take(address.ip(), 1).or_else(|reason| {
            let closed = self.close_waiting(|other| reason == NoSlot::Total || other.ip() == address.ip());
            self.warn(closed, &"too many connections are open");
            if closed > 0 { Ok(self.slots.take_beyond_limits(address.ip(), 1)) } else { Err(reason) }
        });
        let connection = Arc::new(Connection::new(self.last_number.fetch_add(1, Ordering::Relaxed), slot.ok()?));
        self.open().insert(address, Arc::clone(&connection));
        Some(connection)
    }

    /// Forgets a connection that has ended.
    pub(super) fn remove(&self, address: SocketAddr, connection: &Connection) {
        let mut open = self.open();
        // The address may belong to a newer connection by now.
        if open.get(&address).is_some_and(|known| known.number == connection.number) {
            open.remove(&address);
        }
    }

    /// Logs that there are too many connections, at most once in [`WARN_EVERY`].
    pub(super) fn warn(&self, closed: usize, cause: &dyn std::fmt::Display) {
        let mut last = self.last_warning.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|last| last.elapsed() > WARN_EVERY) {
            *last = Some(Instant::now());
            tracing::warn!(closed, %cause, "too many connections; those that wait for a request are closed");
        }
    }

    /// Closes the older half of the connections that wait for a request and match; returns how many.
    pub(super) fn close_waiting(&self, matches: impl Fn(&SocketAddr) -> bool) -> usize {
        let mut open = self.open();
        let waiting: BTreeMap<_, _> = open
            .iter()
            .filter(|(address, _)| matches(address))
            .filter_map(|(address, connection)| Some(((connection.waits_since()?, connection.number), *address)))
            .collect();
        let closing = waiting.len().div_ceil(2);
        for address in waiting.into_values().take(closing) {
            // Its slot is freed when its task drops the connection too.
            if let Some(connection) = open.remove(&address) {
                connection.close.cancel();
            }
        }
        closing
    }
}
