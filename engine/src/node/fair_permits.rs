//! A semaphore whose permits are limited in all and for each organization: an organization that wants many permits
//! queues behind itself, not before the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::model::organization::OrganizationId;

/// Permits that organizations share.
#[derive(Debug)]
pub struct FairPermits {
    all: Arc<Semaphore>,
    each: usize,
    organizations: Mutex<HashMap<OrganizationId, Arc<Semaphore>>>,
}

/// A permit, until this is dropped.
#[derive(Debug)]
pub struct Permit {
    _own: Option<OwnedSemaphorePermit>,
    _all: Option<OwnedSemaphorePermit>,
}

impl FairPermits {
    /// `all` permits at the same time, and at most `each` of them for one organization.
    pub fn new(all: usize, each: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), each, organizations: Mutex::default() }
    }

    /// Waits for a permit.
    pub async fn acquire(&self, organization: OrganizationId) -> Permit {
        let own = {
            let mut organizations = self.organizations.lock().unwrap_or_else(PoisonError::into_inner);
            // Semaphores that nobody uses are removed; new ones would be the same.
            organizations.retain(|_, own| own.available_permits() < self.each || Arc::strong_count(own) > 1);
            organizations.entry(organization).or_insert_with(|| Arc::new(Semaphore::new(self.each))).clone()
        };
        // The semaphores are never closed. The organization's own permit comes first, so that nobody holds one of the
        // shared permits while waiting.
        let own = own.acquire_owned().await.ok();
        let all = Arc::clone(&self.all).acquire_owned().await.ok();
        Permit { _own: own, _all: all }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn one_organization_leaves_permits_to_others() {
        let permits = FairPermits::new(3, 2);
        let (one, other) = (OrganizationId(Uuid::from_u128(1)), OrganizationId(Uuid::from_u128(2)));
        let held = [permits.acquire(one).await, permits.acquire(one).await];
        let soon = |organization| tokio::time::timeout(Duration::from_millis(20), permits.acquire(organization));
        assert!(soon(one).await.is_err());
        drop(soon(other).await.unwrap());
        drop(held);
        assert!(soon(one).await.is_ok());
    }
}
