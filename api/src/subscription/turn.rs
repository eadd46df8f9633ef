//! When a subscription may read the store.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_graphql::Context;
use engine::model::organization::OrganizationId;
use engine::runtime::shares::{Share, Shares};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::objects::access;

/// How many subscriptions of all sockets read the store at once. It has four readers; the others are
/// free for requests, however much is being watched.
pub(crate) const WATCHERS: usize = 2;
/// How many of them for one organization.
pub(crate) const WATCHERS_OF_ONE_ORGANIZATION: usize = 1;

/// The turn of one subscription. It is taken before the subscription reads, and given back when
/// the socket has taken over its message. Only one subscription of a socket has a turn at a time, so a
/// socket whose client reads slowly holds a few messages in memory, and not one for each subscription.
pub(crate) struct Turn {
    socket: Arc<Semaphore>,
    readers: Arc<Shares>,
    organization: OrganizationId,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    socket: Option<OwnedSemaphorePermit>,
    reader: Option<Share>,
}

impl Turn {
    /// A turn among those of a socket, and among the readers of all sockets.
    pub(crate) fn new(socket: Arc<Semaphore>, readers: Arc<Shares>, organization: OrganizationId) -> Self {
        Self { socket, readers, organization, held: Mutex::default() }
    }

    /// The turn of the subscription that is being resolved.
    pub(super) fn of(context: &Context<'_>) -> Arc<Self> {
        let organization = access(context).organization.id;
        let alone = || Arc::new(Self::new(Arc::new(Semaphore::new(1)), Arc::new(Shares::new(1, 1)), organization));
        context.data_opt::<Arc<Self>>().cloned().unwrap_or_else(alone)
    }

    /// Waits for the turn. Does nothing if the subscription has it.
    pub(super) async fn take(&self) {
        self.hold().await;
        if self.held().reader.is_none() {
            let reader = self.readers.turn(self.organization).await;
            self.held().reader = Some(reader);
        }
    }

    /// Waits for the turn among the subscriptions of the socket, for a message that was read before.
    pub(super) async fn hold(&self) {
        if self.held().socket.is_none() {
            let socket = self.socket.clone().acquire_owned().await.ok();
            self.held().socket = socket;
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
