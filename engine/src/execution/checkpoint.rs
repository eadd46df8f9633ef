//! The checkpoint from which a result resumes after a crash. It is saved just before a line has its first effect
//! outside, and not at all if the line has none: lines without effects may run again.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::OnceCell;

use crate::execution::journal::Journal;
use crate::node::wait_registry::AwaitedJobs;
use crate::ports::host_calls::HostCallError;
use crate::ports::parts::BatchDone;
use crate::ports::queue::{Checkpoint, LeaseError};
use crate::records::Set;

/// The checkpoint of one running line.
pub(crate) struct LineCheckpoint {
    journal: Journal,
    line_no: u32,
    failed_attempts: u32,
    failed_line: Option<u32>,
    /// The set that the line takes.
    input: Set,
    /// The sets of earlier lines that later lines read.
    line_sets: Vec<(u32, Set)>,
    saved: OnceCell<()>,
    /// Whether the line has had effects, in this attempt or before.
    has_effects: AtomicBool,
    /// Why the checkpoint could not be saved. The guest only sees a general error; the engine reads the cause here.
    save_error: Mutex<Option<LeaseError>>,
    /// The jobs that the guest waits for and that have not ended.
    awaited: Mutex<Option<AwaitedJobs>>,
}

impl LineCheckpoint {
    /// The checkpoint of a line that begins. It is already `saved` if the line was postponed before, and the line
    /// already `has_effects` if batches of it are recorded as done.
    pub(crate) fn new(
        journal: Journal,
        (line_no, failed_attempts): (u32, u32),
        failed_line: Option<u32>,
        (input, line_sets): (Set, Vec<(u32, Set)>),
        (saved, has_effects): (bool, bool),
    ) -> Self {
        Self {
            journal,
            line_no,
            failed_attempts,
            failed_line,
            input,
            line_sets,
            saved: OnceCell::new_with(saved.then_some(())),
            has_effects: AtomicBool::new(has_effects),
            save_error: Mutex::default(),
            awaited: Mutex::default(),
        }
    }

    /// Saves the checkpoint, unless it was saved, and notes that the line has effects.
    pub(crate) async fn ensure_saved(&self) -> Result<(), HostCallError> {
        self.has_effects.store(true, Ordering::Release);
        let saved = self.saved.get_or_try_init(|| self.save()).await;
        saved.map(drop).map_err(|error| {
            tracing::warn!(%error, line_no = self.line_no, "a line was stopped before it changed anything");
            *self.save_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            // The guest is interrupted, so nobody reads what it makes of this message.
            self.journal.live().cancellation.cancel();
            HostCallError::Unavailable("The job result no longer belongs to this worker.".to_owned())
        })
    }

    async fn save(&self) -> Result<(), LeaseError> {
        self.journal.keep_input(self.line_no, &self.input).await?;
        self.journal.keep_line_sets(&self.line_sets).await?;
        let checkpoint = Checkpoint {
            notes: self.journal.notes(),
            line_no: self.line_no,
            failed_attempts: self.failed_attempts,
            failed_line: self.failed_line,
        };
        self.journal.checkpoint(checkpoint).await
    }

    /// Whether the line has had effects. Then its batches have to be recorded as done, so that they are not repeated.
    pub(crate) fn has_effects(&self) -> bool {
        self.has_effects.load(Ordering::Acquire)
    }

    /// Why the checkpoint could not be saved.
    pub(crate) fn take_save_error(&self) -> Option<LeaseError> {
        self.save_error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Notes that the line has to wait until these jobs have ended.
    pub(crate) fn wait_for(&self, awaited: AwaitedJobs) {
        *self.awaited.lock().unwrap_or_else(PoisonError::into_inner) = Some(awaited);
    }

    /// The jobs that the line waits for.
    pub(crate) fn take_awaited(&self) -> Option<AwaitedJobs> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(crate) async fn record_batch(&self, batch: BatchDone) -> Result<(), LeaseError> {
        self.journal.record_batch(batch).await
    }
}
