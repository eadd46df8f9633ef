//! What organizations use of their quotas, as far as this node knows it. Rates are counted here; what is stored is
//! counted by the store now and then, and remembered in between.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::engine::Engine;
use crate::model::organization::{Access, Organization, OrganizationId};
use crate::model::quota::{Quotas, Stored};
use crate::model::schedule::ScheduleId;
use crate::model::webhook::WebhookId;
use crate::ports::StoreError;

/// How long a count of open results is good, besides the starts that this node has added to it.
const COUNTED_FOR: Duration = Duration::from_secs(1);
/// From this many rates on, those that are full again are forgotten.
const MANY_RATES: usize = 10_000;
const MINUTE: Duration = Duration::from_secs(60);

/// A quota that is used up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct QuotaReached {
    /// Which quota, and what to do.
    pub message: String,
    /// When it makes sense to try again, where that is known.
    pub retry_after: Option<Duration>,
}

/// What is used, as far as it is known here.
#[derive(Debug, Default)]
pub struct Usage {
    rates: Mutex<HashMap<Rate, Bucket>>,
    open: Mutex<HashMap<OrganizationId, (Instant, u64)>>,
    stored: Mutex<HashMap<OrganizationId, Stored>>,
}

/// What is counted by the minute.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Rate {
    Starts(OrganizationId),
    Requests(OrganizationId, Uuid),
    Refusals(ScheduleId),
    Messages(WebhookId),
}

/// A bucket that fills with what may be used, at the same pace all the time, up to what a minute brings.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Usage {
    /// Uses one of so many in a minute; else how long until the next one.
    fn take(&self, rate: Rate, per_minute: u32, now: Instant) -> Result<(), Duration> {
        let most = f64::from(per_minute);
        let filled = |bucket: &Bucket| {
            let since = now.saturating_duration_since(bucket.at).as_secs_f64() / MINUTE.as_secs_f64();
            (bucket.left + most * since).min(most)
        };
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        if rates.len() > MANY_RATES {
            rates.retain(|_, bucket| now.saturating_duration_since(bucket.at) < MINUTE);
        }
        let left = rates.get(&rate).map_or(most, filled);
        if left < 1.0 {
            let wait = if per_minute == 0 { 1.0 } else { (1.0 - left) / most };
            return Err(MINUTE.mul_f64(wait));
        }
        rates.insert(rate, Bucket { left: left - 1.0, at: now });
        Ok(())
    }

    /// What the organization keeps, as it was counted last.
    pub fn stored(&self, organization: OrganizationId) -> Stored {
        let stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        stored.get(&organization).copied().unwrap_or_default()
    }

    fn set_stored(&self, counted: HashMap<OrganizationId, Stored>) {
        *self.stored.lock().unwrap_or_else(PoisonError::into_inner) = counted;
    }

    fn open(&self, organization: OrganizationId, now: Instant) -> Option<u64> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, count) = open.get_mut(&organization)?;
        if now.saturating_duration_since(*at) > COUNTED_FOR {
            return None;
        }
        *count += 1;
        Some(*count - 1)
    }
}

impl Engine {
    /// Counts a start, if the organization may start another job.
    pub(crate) async fn count_start(&self, access: &Access) -> Result<Result<(), QuotaReached>, StoreError> {
        let (id, quotas, now) = (access.organization.id, access.organization.quotas, Instant::now());
        if let Err(wait) = self.usage.take(Rate::Starts(id), quotas.starts_per_minute, now) {
            let what = format!("may start {} jobs in a minute", quotas.starts_per_minute);
            return Ok(Err(reached(&what, Some(wait))));
        }
        let open = match self.usage.open(id, now) {
            Some(open) => open,
            None => {
                let counted = self.results.count_open(access.scope()).await?;
                self.usage.open.lock().unwrap_or_else(PoisonError::into_inner).insert(id, (now, counted + 1));
                counted
            }
        };
        if open >= u64::from(quotas.open_results) {
            let what = format!("may have {} job results that have not ended", quotas.open_results);
            return Ok(Err(reached(&what, Some(MINUTE / 6))));
        }
        if self.usage.stored(id).history_bytes > quotas.history_bytes {
            let what = format!("may keep {} of job results, and keeps more", mib(quotas.history_bytes));
            return Ok(Err(reached(&what, None)));
        }
        Ok(Ok(()))
    }

    /// Counts a request that came with a token.
    ///
    /// # Errors
    /// Too many came in the last minute.
    pub fn count_request(&self, access: &Access) -> Result<(), QuotaReached> {
        // Who sets quotas must be able to correct them.
        if access.server {
            return Ok(());
        }
        let rate = Rate::Requests(access.organization.id, access.token);
        let most = access.organization.quotas.requests_per_minute;
        let taken = self.usage.take(rate, most, Instant::now());
        taken.map_err(|wait| reached(&format!("may send {most} requests in a minute with one token"), Some(wait)))
    }

    /// Whether a start of a schedule that a quota refused is worth a result: one is, each minute.
    pub(crate) fn is_worth_telling(&self, schedule: ScheduleId) -> bool {
        self.usage.take(Rate::Refusals(schedule), 1, Instant::now()).is_ok()
    }

    /// Counts a message to a webhook.
    pub(crate) fn count_message(&self, quotas: Quotas, webhook: WebhookId) -> Result<(), QuotaReached> {
        let most = quotas.messages_per_minute;
        let taken = self.usage.take(Rate::Messages(webhook), most, Instant::now());
        taken.map_err(|wait| reached(&format!("may get {most} messages in a minute by one webhook"), Some(wait)))
    }

    /// Whether the organization may write more records.
    pub(crate) fn may_write_records(&self, organization: &Organization) -> Result<(), QuotaReached> {
        let most = organization.quotas.collection_bytes;
        if self.usage.stored(organization.id).collection_bytes <= most {
            return Ok(());
        }
        Err(reached(&format!("may keep {} of records in collections, and keeps more", mib(most)), None))
    }

    /// Changes what the organization of the call may use. For server administrators; the API checks that.
    ///
    /// # Errors
    /// The store failed.
    pub async fn set_quotas(&self, access: &Access, quotas: Quotas) -> Result<(), StoreError> {
        self.organizations.set_quotas(access.scope(), quotas).await
    }

    /// Counts what all organizations keep.
    pub(crate) async fn count_stored(&self) -> Result<(), StoreError> {
        self.usage.set_stored(self.organizations.count_stored().await?);
        Ok(())
    }
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

fn reached(what: &str, retry_after: Option<Duration>) -> QuotaReached {
    let cure = match retry_after {
        Some(wait) => format!("try again in {} s", wait.as_secs() + 1),
        None => "delete records, or keep job results for fewer days (`serve --keep-days`)".to_owned(),
    };
    let message = format!("The organization {what}; {cure}, or ask a server administrator for a higher quota");
    QuotaReached { message, retry_after }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_rate_allows_a_burst_and_then_its_pace() {
        let (usage, began) = (Usage::default(), Instant::now());
        let rate = || Rate::Starts(OrganizationId(Uuid::nil()));
        let burst = (0..100).filter(|_| usage.take(rate(), 60, began).is_ok()).count();
        assert_eq!(burst, 60);
        let wait = usage.take(rate(), 60, began).unwrap_err();
        assert!(wait > Duration::from_millis(900) && wait <= Duration::from_secs(1), "{wait:?}");
        let later = began + Duration::from_millis(2_500);
        assert_eq!((0..10).filter(|_| usage.take(rate(), 60, later).is_ok()).count(), 2);
        let other = Rate::Starts(OrganizationId(Uuid::max()));
        assert!(usage.take(other, 60, later).is_ok(), "others are not concerned");
        assert!(usage.take(Rate::Messages(WebhookId(Uuid::nil())), 0, later).is_err());
    }
}
