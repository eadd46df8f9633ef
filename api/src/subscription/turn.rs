//! When a subscription may read the store.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_graphql::Context;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many subscriptions of all sockets read the store at once. It has four readers; the others are
/// free for requests, however much is being watched.
pub(crate) const WATCHERS: usize = 2;

/// The turn of one subscription. It is taken before the subscription reads, and given back when
/// the socket has taken over its message. Only one subscription of a socket has a turn at a time, so a
/// socket whose client reads slowly holds a few messages in memory, and not one for each subscription.
pub(crate) struct Turn {
    socket: Arc<Semaphore>,
    readers: Arc<Semaphore>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    socket: Option<OwnedSemaphorePermit>,
    reader: Option<OwnedSemaphorePermit>,
}

impl Turn {
    /// A turn among those of a socket, and among the readers of all sockets.
    pub(crate) fn new(socket: Arc<Semaphore>, readers: Arc<Semaphore>) -> Self {
        Self { socket, readers, held: Mutex::default() }
    }

    /// The turn of the subscription that is being resolved.
    pub(super) fn of(context: &Context<'_>) -> Arc<Self> {
        let alone = || Arc::new(Self::new(Arc::new(Semaphore::new(1)), Arc::new(Semaphore::new(1))));
        context.data_opt::<Arc<Self>>().cloned().unwrap_or_else(alone)
    }

    /// Waits for the turn. Does nothing if the subscription has it.
    pub(super) async fn take(&self) {
        if self.held().socket.is_none() {
            let socket = self.socket.clone().acquire_owned().await.ok();
            self.held().socket = socket;
        }
        if self.held().reader.is_none() {
            let reader = self.readers.clone().acquire_owned().await.ok();
            self.held().reader = reader;
        }
    }

    /// The message is complete: nothing more is read for it.
    pub(crate) fn end_reading(&self) {
        self.held().reader = None;
    }

    /// Ends the turn.
    pub(crate) fn give_back(&self) {
        *self.held() = Held::default();
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
