//! How many bytes one answer may hold, and how many all answers hold together.
//!
//! A document says which fields it wants, but not how large they are. So bytes are counted where
//! they appear: when they are read from the store, and when they are put into the answer.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};

use engine::model::organization::OrganizationId;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use crate::quota::{Places, Quota};
use crate::refusal::{Code, Refusal};

const MIB: usize = 1024 * 1024;

/// Bytes that one answer may hold, and that may be read for it.
pub const ANSWER_BYTES: usize = 16 * MIB;
/// Bytes of one message of a subscription, and that may be read for it.
pub const MESSAGE_BYTES: usize = 4 * MIB;
/// Bytes that every request may read without waiting. One that needs more waits for a place.
pub const SMALL_BYTES: usize = MIB;
/// How many answers may be made at once for which more than [`SMALL_BYTES`] are read.
pub const LARGE_AT_ONCE: usize = 4;
/// Bytes of answers and messages that wait for their clients to read them, all clients together.
pub const UNSENT_BYTES: usize = 128 * MIB;
/// Bytes of those for one organization.
pub const UNSENT_OF_ONE_ORGANIZATION: usize = 48 * MIB;
/// Bytes of an answer that is not counted among those: each connection has a buffer of this size anyway.
const UNCOUNTED_BYTES: usize = 64 * 1024;

/// What one answer may still hold.
pub(crate) struct AnswerBudget {
    bytes: usize,
    read: AtomicUsize,
    written: AtomicUsize,
    /// Held while something is read, so that what was read is counted before more is.
    reading: Mutex<()>,
    places: Arc<Semaphore>,
    place: std::sync::Mutex<Option<OwnedSemaphorePermit>>,
}

impl AnswerBudget {
    pub(crate) fn new(bytes: usize, places: Arc<Semaphore>) -> Self {
        let (read, written) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { bytes, read, written, reading: Mutex::default(), places, place: std::sync::Mutex::default() }
    }

    /// Reads something of at most about `most` bytes and counts it. The reads of one request come one after another.
    ///
    /// # Errors
    /// `TOO_LARGE` if the bytes that were read exceed the budget, and whatever `work` fails with.
    pub(crate) async fn read<T>(
        &self,
        most: usize,
        work: impl Future<Output = Result<T, Refusal>>,
        weigh: impl Fn(&T) -> usize,
    ) -> Result<T, Refusal> {
        let _reading = self.reading.lock().await;
        if self.read.load(Ordering::Relaxed).saturating_add(most) > SMALL_BYTES && self.place().is_none() {
            let place = self.places.clone().acquire_owned().await.ok();
            *self.place() = place;
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

    /// Counts what is put into the answer.
    ///
    /// # Errors
    /// `TOO_LARGE` if that exceeds the budget.
    pub(crate) fn write(&self, bytes: usize) -> Result<(), Refusal> {
        self.count(&self.written, bytes)
    }

    /// The answer is complete: another one begins.
    pub(crate) fn reset(&self) {
        self.read.store(0, Ordering::Relaxed);
        self.written.store(0, Ordering::Relaxed);
        *self.place() = None;
    }

    /// The refusal of an answer that would hold too much.
    pub(crate) fn exceeded(&self) -> Refusal {
        let most = self.bytes / MIB;
        let message =
            format!("The answer would hold more than {most} MiB; ask for smaller pages, or for fewer large fields.");
        Refusal::new(Code::TooLarge, message)
    }

    fn count(&self, counter: &AtomicUsize, bytes: usize) -> Result<(), Refusal> {
        let before = counter.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.bytes { Err(self.exceeded()) } else { Ok(()) }
    }

    fn place(&self) -> std::sync::MutexGuard<'_, Option<OwnedSemaphorePermit>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What waits for clients to read it.
#[derive(Clone)]
pub(crate) struct Unsent(Arc<Quota<OrganizationId>>);

/// An answer that is counted until this is dropped; none if it is too small to count.
pub(crate) type Counted = Option<Places<OrganizationId>>;

impl Default for Unsent {
    fn default() -> Self {
        Self(Quota::new(UNSENT_BYTES, UNSENT_OF_ONE_ORGANIZATION))
    }
}

impl Unsent {
    /// Counts an answer until what is given is dropped.
    ///
    /// # Errors
    /// `UNAVAILABLE` if too much waits already.
    pub(crate) fn count(&self, organization: OrganizationId, bytes: usize) -> Result<Counted, Refusal> {
        if bytes <= UNCOUNTED_BYTES {
            return Ok(None);
        }
        let full = "Too many large answers have not been read by their clients yet; try again later, or ask for less.";
        let places = self.0.take(organization, bytes);
        places.map(Some).map_err(|_| Refusal::new(Code::Unavailable, full))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn reads_are_counted_and_large_ones_need_a_place() {
        let places = Arc::new(Semaphore::new(1));
        let (one, other) = (AnswerBudget::new(3 * MIB, places.clone()), AnswerBudget::new(3 * MIB, places.clone()));
        let read = async |budget: &AnswerBudget, bytes| budget.read(bytes, async { Ok(()) }, move |()| bytes).await;
        for budget in [&one, &other] {
            read(budget, MIB).await.unwrap();
        }
        assert_eq!(places.available_permits(), 1, "small answers need none");
        read(&one, MIB).await.unwrap();
        let waiting = tokio::time::timeout(std::time::Duration::from_millis(20), read(&other, 1)).await;
        assert!(waiting.is_err(), "the only place is taken");
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
            "others are not held up"
        );
        drop(held);
        assert!(unsent.count(one, MIB).is_ok());
    }
}
