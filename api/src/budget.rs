//! Limits of the bytes of one answer, and of all unsent answers together.
//!
//! A document says which fields it wants, but not how large they are. So bytes are counted when they are read from the
//! store, and when they are put into the answer.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};

use engine::model::organization::OrganizationId;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use crate::error::{ApiError, Code};
use crate::slots::{SlotPool, Slots};

const MIB: usize = 1024 * 1024;

/// Bytes that one answer may hold, and that may be read for it.
pub const ANSWER_BYTES: usize = 16 * MIB;
/// Bytes of one message of a subscription, and that may be read for it.
pub const MESSAGE_BYTES: usize = 4 * MIB;
/// Bytes that every request may read at once. To read more it waits for a permit.
pub const SMALL_BYTES: usize = MIB;
/// How many answers may be made at the same time for which more than [`SMALL_BYTES`] are read.
pub const LARGE_AT_ONCE: usize = 4;
/// Bytes of answers and messages that their clients have not read yet, of all clients together.
pub const UNSENT_BYTES: usize = 128 * MIB;
/// The same for one organization.
pub const UNSENT_OF_ONE_ORGANIZATION: usize = 48 * MIB;
/// Answers up to this size are not counted as unsent: each connection has a buffer of this size anyway.
const UNCOUNTED_BYTES: usize = 64 * 1024;

/// The limit of one answer, and how much of it is used.
pub(crate) struct AnswerBudget {
    bytes: usize,
    read: AtomicUsize,
    written: AtomicUsize,
    /// Held while something is read, so that it is counted before more is read.
    reading: Mutex<()>,
    /// A permit for each large answer.
    permits: Arc<Semaphore>,
    permit: std::sync::Mutex<Option<OwnedSemaphorePermit>>,
}

impl AnswerBudget {
    pub(crate) fn new(bytes: usize, permits: Arc<Semaphore>) -> Self {
        let (read, written) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { bytes, read, written, reading: Mutex::default(), permits, permit: std::sync::Mutex::default() }
    }

    /// Reads something of at most about `most` bytes and counts it. The reads of one request run one after another.
    ///
    /// # Errors
    /// `TOO_LARGE` if the bytes that were read exceed the budget, and the errors of `work`.
    pub(crate) async fn read<T>(
        &self,
        most: usize,
        work: impl Future<Output = Result<T, ApiError>>,
        weigh: impl Fn(&T) -> usize,
    ) -> Result<T, ApiError> {
        let _reading = self.reading.lock().await;
        if self.read.load(Ordering::Relaxed).saturating_add(most) > SMALL_BYTES && self.permit().is_none() {
            let permit = self.permits.clone().acquire_owned().await.ok();
            *self.permit() = permit;
        }
        self.count(&self.read, 0)?;
        let found = work.await?;
        self.count(&self.read, weigh(&found))?;
        Ok(found)
    }

    /// How many bytes may still be read.
    pub(crate) fn left(&self) -> usize {
        self.bytes.saturating_sub(self.read.load(Ordering::Relaxed))
    }

    /// Counts bytes that are put into the answer.
    ///
    /// # Errors
    /// `TOO_LARGE` if that exceeds the budget.
    pub(crate) fn write(&self, bytes: usize) -> Result<(), ApiError> {
        self.count(&self.written, bytes)
    }

    /// Starts the next answer.
    pub(crate) fn reset(&self) {
        self.read.store(0, Ordering::Relaxed);
        self.written.store(0, Ordering::Relaxed);
        *self.permit() = None;
    }

    /// The refusal of an answer that would be too large.
    pub(crate) fn exceeded(&self) -> ApiError {
        let most = self.bytes / MIB;
        let message =
            format!("The answer would be larger than {most} MiB; ask for smaller pages, or for fewer large fields.");
        ApiError::new(Code::TooLarge, message)
    }

    fn count(&self, counter: &AtomicUsize, bytes: usize) -> Result<(), ApiError> {
        let before = counter.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.bytes { Err(self.exceeded()) } else { Ok(()) }
    }

    fn permit(&self) -> std::sync::MutexGuard<'_, Option<OwnedSemaphorePermit>> {
        self.permit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts the bytes that clients have not read yet.
#[derive(Clone)]
pub(crate) struct Unsent(Arc<SlotPool<OrganizationId>>);

/// The bytes of an answer, which count as unsent until this is dropped; none if the answer is too small to count.
pub(crate) type UnsentBytes = Option<Slots<OrganizationId>>;

impl Default for Unsent {
    fn default() -> Self {
        Self(SlotPool::new(UNSENT_BYTES, UNSENT_OF_ONE_ORGANIZATION))
    }
}

impl Unsent {
    /// Counts an answer until the returned guard is dropped.
    ///
    /// # Errors
    /// `UNAVAILABLE` if too many bytes are unsent already.
    pub(crate) fn count(&self, organization: OrganizationId, bytes: usize) -> Result<UnsentBytes, ApiError> {
        if bytes <= UNCOUNTED_BYTES {
            return Ok(None);
        }
        let full = "Too many large answers have not been read by their clients yet; try again later, or ask for less.";
        let slots = self.0.take(organization, bytes);
        slots.map(Some).map_err(|_| ApiError::new(Code::Unavailable, full))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn reads_are_counted_and_large_ones_need_a_permit() {
        let permits = Arc::new(Semaphore::new(1));
        let (one, other) = (AnswerBudget::new(3 * MIB, permits.clone()), AnswerBudget::new(3 * MIB, permits.clone()));
        let read = async |budget: &AnswerBudget, bytes| budget.read(bytes, async { Ok(()) }, move |()| bytes).await;
        for budget in [&one, &other] {
            read(budget, MIB).await.unwrap();
        }
        assert_eq!(permits.available_permits(), 1, "small answers need none");
        read(&one, MIB).await.unwrap();
        let waiting = tokio::time::timeout(std::time::Duration::from_millis(20), read(&other, 1)).await;
        assert!(waiting.is_err(), "the only permit is taken");
        assert_eq!(read(&one, MIB + 1).await.unwrap_err().code, Code::TooLarge);
        one.reset();
        read(&other, 1).await.unwrap();
        read(&one, MIB).await.unwrap();
    }

    fn organization(id: &str) -> OrganizationId {
        OrganizationId(id.parse().unwrap())
    }

    #[test]
    fn unsent_answers_are_bounded_together() {
        let (unsent, one) = (Unsent::default(), organization("0197a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"));
        assert!(unsent.count(one, UNCOUNTED_BYTES).unwrap().is_none());
        let held: Vec<_> = (0..3).map(|_| unsent.count(one, 16 * MIB).unwrap()).collect();
        assert_eq!(unsent.count(one, MIB).unwrap_err().code, Code::Unavailable);
        assert!(
            unsent.count(organization("0297a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"), MIB).is_ok(),
            "other organizations are not affected"
        );
        drop(held);
        assert!(unsent.count(one, MIB).is_ok());
    }
}
