//! Turns of which there are so many at once, and so many for each organization: however much one asks
//! for, the others wait for its turns only, and not for its queue.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::model::organization::OrganizationId;

/// Turns that organizations share.
#[derive(Debug)]
pub struct Shares {
    all: Arc<Semaphore>,
    each: usize,
    organizations: Mutex<HashMap<OrganizationId, Arc<Semaphore>>>,
}

/// A turn, until this is dropped.
#[derive(Debug)]
pub struct Share {
    _own: Option<OwnedSemaphorePermit>,
    _all: Option<OwnedSemaphorePermit>,
}

impl Shares {
    /// `all` turns at once, and `each` of them for one organization.
    pub fn new(all: usize, each: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), each, organizations: Mutex::default() }
    }

    /// Waits for a turn.
    pub async fn turn(&self, organization: OrganizationId) -> Share {
        let own = {
            let mut organizations = self.organizations.lock().unwrap_or_else(PoisonError::into_inner);
            // Nobody waits for these: a new one would be the same.
            organizations.retain(|_, turns| turns.available_permits() < self.each || Arc::strong_count(turns) > 1);
            organizations.entry(organization).or_insert_with(|| Arc::new(Semaphore::new(self.each))).clone()
        };
        // The semaphores are never closed. An organization takes one of its own turns first: those of all are
        // only held by who works.
        let own = own.acquire_owned().await.ok();
        let all = Arc::clone(&self.all).acquire_owned().await.ok();
        Share { _own: own, _all: all }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn one_organization_leaves_turns_to_others() {
        let shares = Shares::new(3, 2);
        let (one, other) = (OrganizationId(Uuid::from_u128(1)), OrganizationId(Uuid::from_u128(2)));
        let held = [shares.turn(one).await, shares.turn(one).await];
        let soon = |organization| tokio::time::timeout(Duration::from_millis(20), shares.turn(organization));
        assert!(soon(one).await.is_err());
        drop(soon(other).await.unwrap());
        drop(held);
        assert!(soon(one).await.is_ok());
    }
}
