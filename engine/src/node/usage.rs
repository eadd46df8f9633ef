//! What organizations use of their quotas, as far as this node knows it. Rates are counted here; what is stored is
//! counted by the store now and then, and cached in between.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::rate_limiter::RateLimiter;
use crate::model::organization::{Access, Organization, OrganizationId};
use crate::model::quota::{Quotas, StorageUse};
use crate::model::refusal::{Refusal, RefusalCode};
use crate::model::rights::require_active;
use crate::model::schedule::ScheduleId;
use crate::model::webhook::WebhookId;
use crate::node::service_error::ServiceError;
use crate::ports::StoreError;
use crate::ports::organizations::Organizations;
use crate::ports::results::Starts;
use crate::ports::stores::Stores;

/// How long a count of open results is cached. The starts of this node are added to it meanwhile.
const OPEN_RESULTS_CACHED_FOR: Duration = Duration::from_secs(1);
/// After how long a start is worth another attempt that was refused for too many open results.
const OPEN_RESULTS_RETRY: Duration = Duration::from_secs(10);

/// The usage of quotas that this node knows.
pub struct Usage {
    starts: Arc<dyn Starts>,
    organizations: Arc<dyn Organizations>,
    rates: RateLimiter<RateKey>,
    open_results: Mutex<HashMap<OrganizationId, (Instant, u64)>>,
    stored: Mutex<HashMap<OrganizationId, StorageUse>>,
}

/// What is limited per minute.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum RateKey {
    Starts(OrganizationId),
    /// Of one token.
    Requests(OrganizationId, Uuid),
    /// Job results that report refused starts of a schedule.
    Refusals(ScheduleId),
    Messages(WebhookId),
    /// Records of when a token was used.
    Uses(Uuid),
    /// Refusals in the audit log, by token.
    AuditRefusals(Uuid),
}

/// Refusals of one token that the audit log records per minute.
const AUDITED_REFUSALS: u32 = 60;

impl Usage {
    pub(crate) fn new(stores: &Stores) -> Self {
        Self {
            starts: Arc::clone(&stores.starts),
            organizations: Arc::clone(&stores.organizations),
            rates: RateLimiter::default(),
            open_results: Mutex::default(),
            stored: Mutex::default(),
        }
    }

    /// What the organization stores, according to the last count.
    pub fn stored(&self, organization: OrganizationId) -> StorageUse {
        let stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        stored.get(&organization).copied().unwrap_or_default()
    }

    fn set_stored(&self, counted: HashMap<OrganizationId, StorageUse>) {
        *self.stored.lock().unwrap_or_else(PoisonError::into_inner) = counted;
    }

    /// The cached count of open results, to which the start that asks is added.
    fn count_cached_open(&self, organization: OrganizationId, now: Instant) -> Option<u64> {
        let mut open = self.open_results.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, count) = open.get_mut(&organization)?;
        if now.saturating_duration_since(*at) > OPEN_RESULTS_CACHED_FOR {
            return None;
        }
        *count += 1;
        Some(*count - 1)
    }
}

impl Usage {
    /// Counts a start.
    ///
    /// # Errors
    /// The organization is deactivated, it has reached a quota, or the store failed.
    pub(crate) async fn count_start(&self, access: &Access) -> Result<(), ServiceError> {
        let (id, quotas, now) = (access.organization.id, access.organization.quotas, Instant::now());
        // A running line knows its organization as it was when the line began.
        let current = self.organizations.by_id(id).await?;
        require_active(current.as_ref().unwrap_or(&access.organization))?;
        if let Err(wait) = self.rates.try_take(RateKey::Starts(id), quotas.starts_per_minute, now) {
            let what = format!("may start {} jobs per minute", quotas.starts_per_minute);
            return Err(quota_reached(&what, Some(wait)).into());
        }
        let open = match self.count_cached_open(id, now) {
            Some(open) => open,
            None => {
                let counted = self.starts.count_open(access.scope()).await?;
                self.open_results.lock().unwrap_or_else(PoisonError::into_inner).insert(id, (now, counted + 1));
                counted
            }
        };
        if open >= u64::from(quotas.open_results) {
            let what = format!("may have {} open job results", quotas.open_results);
            return Err(quota_reached(&what, Some(OPEN_RESULTS_RETRY)).into());
        }
        if self.stored(id).history_bytes > quotas.history_bytes {
            let what = format!("may store {} of job results, and stores more", mib(quotas.history_bytes));
            return Err(quota_reached(&what, None).into());
        }
        Ok(())
    }

    /// Counts a request that came with a token.
    ///
    /// # Errors
    /// The token has sent too many requests in the last minute.
    pub fn count_request(&self, access: &Access) -> Result<(), Refusal> {
        // A server administrator must always be able to correct the quotas.
        if access.server {
            return Ok(());
        }
        let rate = RateKey::Requests(access.organization.id, access.token);
        let limit = access.organization.quotas.requests_per_minute;
        let taken = self.rates.try_take(rate, limit, Instant::now());
        taken.map_err(|wait| quota_reached(&format!("may send {limit} requests per minute with one token"), Some(wait)))
    }

    /// Whether a start of a schedule that was refused for a quota is reported by a job result: one per minute is.
    pub(crate) fn may_report_refusal(&self, schedule: ScheduleId) -> bool {
        self.rates.try_take(RateKey::Refusals(schedule), 1, Instant::now()).is_ok()
    }

    /// Whether the use of a token is recorded now. The store does so at most once a minute; this keeps many requests from
    /// asking it at the same time.
    pub(crate) fn may_note_use(&self, token: Uuid) -> bool {
        self.rates.try_take(RateKey::Uses(token), 2, Instant::now()).is_ok()
    }

    /// Whether the audit log records another refusal of this token.
    pub(crate) fn may_audit_refusal(&self, token: Uuid) -> bool {
        self.rates.try_take(RateKey::AuditRefusals(token), AUDITED_REFUSALS, Instant::now()).is_ok()
    }

    /// Counts a message to a webhook.
    pub(crate) fn count_message(&self, quotas: Quotas, webhook: WebhookId) -> Result<(), Refusal> {
        let limit = quotas.messages_per_minute;
        let taken = self.rates.try_take(RateKey::Messages(webhook), limit, Instant::now());
        taken.map_err(|wait| {
            quota_reached(&format!("may receive {limit} messages per minute through one webhook"), Some(wait))
        })
    }

    /// Checks the quota for collections before a write.
    pub(crate) fn check_collection_bytes(&self, organization: &Organization) -> Result<(), Refusal> {
        let limit = organization.quotas.collection_bytes;
        if self.stored(organization.id).collection_bytes <= limit {
            return Ok(());
        }
        Err(quota_reached(&format!("may store {} of records in collections, and stores more", mib(limit)), None))
    }

    /// Counts what all organizations store.
    pub(crate) async fn count_stored(&self) -> Result<(), StoreError> {
        self.set_stored(self.organizations.count_stored().await?);
        Ok(())
    }
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

fn quota_reached(what: &str, retry_after: Option<Duration>) -> Refusal {
    let cure = match retry_after {
        Some(wait) => format!("try again in {} s", wait.as_secs() + 1),
        None => "delete records, or keep job results for fewer days (`serve --keep-days`)".to_owned(),
    };
    let message = format!("The organization {what}; {cure}, or ask a server administrator for a higher quota.");
    Refusal { retry_after, ..Refusal::new(RefusalCode::QuotaReached, "", message) }
}
