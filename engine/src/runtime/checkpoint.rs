//! The place from which a result goes on after a crash. It is made durable just before a line
//! changes anything outside for the first time, and not at all if none does: lines that are
//! pure, or did nothing, are free to run again.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::OnceCell;

use super::attempt::Journal;
use super::awaited::Awaited;
use super::set::Set;
use crate::ports::parts::BatchDone;
use crate::ports::queue::{Checkpoint, LeaseError};
use crate::ports::reach::ReachError;

/// The checkpoint of one line at work.
pub(crate) struct LineCheckpoint {
    journal: Journal,
    line_no: u32,
    tries: u32,
    failed_line: Option<u32>,
    /// What the line takes.
    input: Set,
    /// What later lines read of earlier ones.
    line_sets: Vec<(u32, Set)>,
    made: OnceCell<()>,
    /// Whether the line has changed anything, in this attempt or before.
    touched: AtomicBool,
    /// Why a write was refused, for whoever asked the guest to work.
    refused: Mutex<Option<LeaseError>>,
    /// The jobs that the guest asked about and that have not ended.
    awaited: Mutex<Option<Awaited>>,
}

impl LineCheckpoint {
    /// Of a line that begins. It may have been `made` before, as when the line waited for another
    /// try, and batches may have been recorded as `done`.
    pub(crate) fn of(
        journal: Journal,
        (line_no, tries): (u32, u32),
        failed_line: Option<u32>,
        (input, line_sets): (Set, Vec<(u32, Set)>),
        (made, done): (bool, bool),
    ) -> Self {
        let cell = if made { OnceCell::new_with(Some(())) } else { OnceCell::new() };
        let (touched, refused, awaited) = (AtomicBool::new(done), Mutex::default(), Mutex::default());
        Self { journal, line_no, tries, failed_line, input, line_sets, made: cell, touched, refused, awaited }
    }

    /// Makes it, unless it was made.
    pub(crate) async fn make(&self) -> Result<(), ReachError> {
        self.touched.store(true, Ordering::Release);
        let made = self.made.get_or_try_init(|| self.write()).await;
        made.map(drop).map_err(|error| {
            tracing::warn!(%error, line_no = self.line_no, "a line was stopped before it changed anything");
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            // The guest is interrupted; what it makes of this sentence counts no more.
            self.journal.live().kill.cancel();
            ReachError::Unavailable("The job result is no longer this worker's.".to_owned())
        })
    }

    async fn write(&self) -> Result<(), LeaseError> {
        self.journal.keep_input(self.line_no, &self.input).await?;
        self.journal.keep_line_sets(&self.line_sets).await?;
        let checkpoint = Checkpoint {
            notes: self.journal.notes(),
            line_no: self.line_no,
            tries: self.tries,
            failed_line: self.failed_line,
        };
        self.journal.checkpoint(checkpoint).await
    }

    /// Whether its batches have to be recorded: something was done that may not be done again.
    pub(crate) fn is_touched(&self) -> bool {
        self.touched.load(Ordering::Acquire)
    }

    /// Why the line may not go on; none if it may.
    pub(crate) fn refusal(&self) -> Option<LeaseError> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The line cannot go on before these jobs have ended.
    pub(crate) fn wait_for(&self, awaited: Awaited) {
        *self.awaited.lock().unwrap_or_else(PoisonError::into_inner) = Some(awaited);
    }

    /// The jobs that the line waits for.
    pub(crate) fn awaited(&self) -> Option<Awaited> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Records that a batch is done.
    pub(crate) async fn record(&self, batch: BatchDone) -> Result<(), LeaseError> {
        self.journal.record_batch(batch).await
    }
}
