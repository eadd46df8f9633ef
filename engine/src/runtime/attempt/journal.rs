//! What a worker writes about the result it works on: line records that ride along with the next
//! write that has to be made, sets that are kept, and patience with a store that is away.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;

use crate::model::action::ModuleDigest;
use crate::model::record::{Records, Rejected, size_of_text};
use crate::ports::parts::{BatchDone, Part, PartKind};
use crate::ports::queue::{Checkpoint, Finish, Finished, Lease, LeaseError, Notes, Postponement};
use crate::runtime::engine::Engine;
use crate::runtime::patience::patiently;
use crate::runtime::running::Live;
use crate::runtime::set::Set;

/// How many records one part holds at most, and how many bytes of them, roughly.
const PART_RECORDS: usize = 1000;
const PART_BYTES: usize = 512 * 1024;
/// How many bytes of a set are kept for a retry or for sources at most.
pub(crate) const KEPT_BYTES: u64 = 256 * 1024 * 1024;

/// What is written under one lease. A clone writes the same.
#[derive(Clone)]
pub(crate) struct Journal {
    engine: Engine,
    lease: Lease,
    live: Arc<Live>,
    modules: Arc<[ModuleDigest]>,
    /// The lines whose sets are kept for later lines.
    line_sets: Arc<Mutex<BTreeSet<u32>>>,
}

impl Journal {
    pub(crate) fn of(engine: &Engine, lease: Lease, live: Arc<Live>, modules: Vec<ModuleDigest>) -> Self {
        Self { engine: engine.clone(), lease, live, modules: modules.into(), line_sets: Arc::default() }
    }

    pub(crate) fn live(&self) -> &Live {
        &self.live
    }

    /// All that was not written.
    pub(crate) fn notes(&self) -> Notes {
        Notes { modules: Some(self.modules.to_vec()), lines: self.live.unwritten() }
    }

    /// Writes what is known, for whoever watches, and in case that the process is lost.
    pub(crate) async fn note(&self) -> Result<(), LeaseError> {
        let notes = self.notes();
        self.engine.queue.note(self.lease, &notes).await?;
        self.live.written(&notes.lines);
        Ok(())
    }

    pub(super) async fn finish(&self, finish: Finish) -> Result<Finished, LeaseError> {
        patiently!(&self.engine, &self.live.kill, self.engine.queue.finish(self.lease, finish.clone()))
    }

    pub(super) async fn postpone(&self, postponement: Postponement) -> Result<(), LeaseError> {
        patiently!(&self.engine, &self.live.kill, self.engine.queue.postpone(self.lease, postponement.clone()))
    }

    pub(crate) async fn checkpoint(&self, checkpoint: Checkpoint) -> Result<(), LeaseError> {
        let written: Result<(), LeaseError> =
            patiently!(&self.engine, &self.live.kill, self.engine.queue.checkpoint(self.lease, checkpoint.clone()));
        written?;
        self.live.written(&checkpoint.notes.lines);
        Ok(())
    }

    pub(crate) async fn record_batch(&self, batch: BatchDone) -> Result<(), LeaseError> {
        patiently!(&self.engine, &self.live.kill, self.engine.queue.record_batch(self.lease, batch.clone()))
    }

    /// Keeps the set that a line takes.
    pub(crate) async fn keep_input(&self, line_no: u32, set: &Set) -> Result<(), LeaseError> {
        self.keep_set(line_no, PartKind::Input, set).await
    }

    /// Keeps the sets that later lines read, each once. One that is too large is lost if the result is
    /// interrupted, and the line that reads it says so then.
    pub(crate) async fn keep_line_sets(&self, sets: &[(u32, Set)]) -> Result<(), LeaseError> {
        for (line_no, set) in sets.iter().filter(|(_, set)| set.bytes() <= KEPT_BYTES) {
            if self.kept_line_sets().insert(*line_no) {
                self.keep_set(*line_no, PartKind::Output, set).await?;
            }
        }
        Ok(())
    }

    /// The set of a line is kept already.
    pub(super) fn has_line_set(&self, line_no: u32) {
        self.kept_line_sets().insert(line_no);
    }

    fn kept_line_sets(&self) -> MutexGuard<'_, BTreeSet<u32>> {
        self.line_sets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn keep_set(&self, line_no: u32, kind: PartKind, set: &Set) -> Result<(), LeaseError> {
        let (mut batches, mut place) = (set.batches(PART_RECORDS, 0), 0);
        if set.is_empty() {
            // A set without records is known to be one.
            self.keep_parts(vec![Part { line_no, kind, part: 0, records: Vec::new() }]).await?;
        }
        while let Some(batch) = batches.next().await.map_err(unreadable)? {
            place = self.keep_records((line_no, kind), place, batch.into_owned()).await?;
        }
        Ok(())
    }

    /// Keeps the records that a line rejected, with their reasons.
    pub(super) async fn keep_rejected(&self, line_no: u32, rejected: &[Rejected]) -> Result<(), LeaseError> {
        let mut place = 0;
        for portion in rejected.chunks(PART_RECORDS) {
            let records = portion.iter().map(|one| json!({"record": one.record, "reason": one.reason})).collect();
            place = self.keep_records((line_no, PartKind::Rejected), place, records).await?;
        }
        Ok(())
    }

    /// Keeps records in parts that are not too large, and says which part comes next.
    async fn keep_records(
        &self,
        (line_no, kind): (u32, PartKind),
        mut place: u32,
        records: Records,
    ) -> Result<u32, LeaseError> {
        let mut parts: Vec<Part> = Vec::new();
        let mut bytes = PART_BYTES;
        for record in records {
            let size = size_of_text(&record);
            if bytes.saturating_add(size) > PART_BYTES || parts.is_empty() {
                parts.push(Part { line_no, kind, part: place, records: Vec::new() });
                (bytes, place) = (0, place + 1);
            }
            bytes += size;
            if let Some(part) = parts.last_mut() {
                part.records.push(record);
            }
        }
        self.keep_parts(parts).await?;
        Ok(place)
    }

    async fn keep_parts(&self, parts: Vec<Part>) -> Result<(), LeaseError> {
        patiently!(&self.engine, &self.live.kill, self.engine.queue.keep(self.lease, parts.clone()))
    }
}

/// A scratch file that cannot be read back is as bad as a store that is away.
fn unreadable(fault: crate::ports::scratch::ScratchFault) -> LeaseError {
    crate::ports::StoreError::Unreadable(fault.to_string()).into()
}
