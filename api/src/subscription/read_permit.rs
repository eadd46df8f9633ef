//! The permit of a subscription to read the store.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::resolver::access;

use async_graphql::Context;
use engine::model::organization::OrganizationId;
use engine::node::fair_permits::{FairPermits, Permit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many subscriptions of all sockets read the store at once. The store has four readers; the others are left to
/// requests, however much is watched.
pub(crate) const READERS: usize = 2;
/// How many of them for one organization.
pub(crate) const READERS_OF_ONE_ORGANIZATION: usize = 1;

/// The permit of one subscription, acquired before it reads and released when the socket has taken its message. Only
/// one subscription of a socket holds its permit at a time, so a socket whose client reads slowly keeps a few messages
/// in memory, and not one for each subscription.
pub(crate) struct ReadPermit {
    socket: Arc<Semaphore>,
    readers: Arc<FairPermits>,
    organization: OrganizationId,
    acquired: Mutex<Acquired>,
}

#[derive(Default)]
struct Acquired {
    socket: Option<OwnedSemaphorePermit>,
    reader: Option<Permit>,
}

impl ReadPermit {
    /// A permit among those of a socket, and among the readers of all sockets.
    pub(crate) fn new(socket: Arc<Semaphore>, readers: Arc<FairPermits>, organization: OrganizationId) -> Self {
        Self { socket, readers, organization, acquired: Mutex::default() }
    }

    /// The permit of the subscription that is being resolved.
    pub(super) fn of(context: &Context<'_>) -> Arc<Self> {
        let organization = access(context).organization.id;
        let alone = || Arc::new(Self::new(Arc::new(Semaphore::new(1)), Arc::new(FairPermits::new(1, 1)), organization));
        context.data_opt::<Arc<Self>>().cloned().unwrap_or_else(alone)
    }

    /// Waits for the permit. Does nothing if the subscription holds it.
    pub(super) async fn acquire(&self) {
        self.acquire_socket().await;
        if self.acquired().reader.is_none() {
            let reader = self.readers.acquire(self.organization).await;
            self.acquired().reader = Some(reader);
        }
    }

    /// Waits only for the part of the socket: to send a message that was read before.
    pub(super) async fn acquire_socket(&self) {
        if self.acquired().socket.is_none() {
            let socket = self.socket.clone().acquire_owned().await.ok();
            self.acquired().socket = socket;
        }
    }

    /// Releases the part of the readers: nothing more is read for the message.
    pub(crate) fn release_reader(&self) {
        self.acquired().reader = None;
    }

    /// Releases the permit.
    pub(crate) fn release(&self) {
        *self.acquired() = Acquired::default();
    }

    fn acquired(&self) -> MutexGuard<'_, Acquired> {
        self.acquired.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
