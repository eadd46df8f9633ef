//! The journal: what a worker writes about the result it works on. Results of lines are written together with the next
//! write that is necessary anyway; writes are retried while the store is unavailable.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;

use crate::model::action::ModuleDigest;
use crate::model::record::{Records, Rejected, size_of_text};
use crate::node::Node;
use crate::node::running::LiveResult;
use crate::ports::StoreError;
use crate::ports::parts::{BatchDone, Part, PartKind};
use crate::ports::queue::{Checkpoint, Finish, Finished, Lease, LeaseError, Notes, Postponement};
use crate::ports::scratch::ScratchFault;
use crate::records::Set;

/// How many records one part holds at most, and roughly how many bytes.
const PART_RECORDS: usize = 1000;
const PART_BYTES: usize = 512 * 1024;
/// How many bytes a set may have to be kept for a retry or for sources.
pub(crate) const KEPT_BYTES: u64 = 256 * 1024 * 1024;

/// Writes under one lease. Clones write under the same lease.
#[derive(Clone)]
pub(crate) struct Journal {
    node: Arc<Node>,
    lease: Lease,
    live: Arc<LiveResult>,
    modules: Arc<[ModuleDigest]>,
    /// The lines whose sets are kept for later lines.
    line_sets: Arc<Mutex<BTreeSet<u32>>>,
}

impl Journal {
    pub(crate) fn new(node: &Arc<Node>, lease: Lease, live: Arc<LiveResult>, modules: Arc<[ModuleDigest]>) -> Self {
        Self { node: Arc::clone(node), lease, live, modules, line_sets: Arc::default() }
    }

    pub(crate) fn live(&self) -> &LiveResult {
        &self.live
    }

    /// Everything that is not written yet.
    pub(crate) fn notes(&self) -> Notes {
        Notes { modules: Some(self.modules.to_vec()), lines: self.live.unwritten() }
    }

    /// Writes everything that is not written yet, for people who watch and in case the process crashes.
    pub(crate) async fn write_notes(&self) -> Result<(), LeaseError> {
        let notes = self.notes();
        self.node.stores.leases.note(self.lease, &notes).await?;
        self.live.remove_written(&notes.lines);
        Ok(())
    }

    pub(crate) async fn finish(&self, finish: Finish) -> Result<Finished, LeaseError> {
        self.write("finish", || self.node.stores.leases.finish(self.lease, finish.clone())).await
    }

    pub(crate) async fn postpone(&self, postponement: Postponement) -> Result<(), LeaseError> {
        self.write("postpone", || self.node.stores.leases.postpone(self.lease, postponement.clone())).await
    }

    pub(crate) async fn checkpoint(&self, checkpoint: Checkpoint) -> Result<(), LeaseError> {
        self.write("checkpoint", || self.node.stores.leases.checkpoint(self.lease, checkpoint.clone())).await?;
        self.live.remove_written(&checkpoint.notes.lines);
        Ok(())
    }

    pub(crate) async fn record_batch(&self, batch: BatchDone) -> Result<(), LeaseError> {
        self.write("record batch", || self.node.stores.leases.record_batch(self.lease, batch.clone())).await
    }

    async fn keep_parts(&self, parts: Vec<Part>) -> Result<(), LeaseError> {
        self.write("keep parts", || self.node.stores.leases.keep(self.lease, parts.clone())).await
    }

    /// Writes under the lease, and retries while the store is unavailable. `what` names the write in the log.
    async fn write<T, Written: Future<Output = Result<T, LeaseError>>>(
        &self,
        what: &'static str,
        write: impl Fn() -> Written,
    ) -> Result<T, LeaseError> {
        self.node.retry_write(what, &self.live.cancellation, write).await
    }

    /// Keeps the set that a line takes.
    pub(crate) async fn keep_input(&self, line_no: u32, set: &Set) -> Result<(), LeaseError> {
        self.keep_set(line_no, PartKind::Input, set).await
    }

    /// Keeps the sets that later lines read, each once. A set that is too large is lost if the result is interrupted;
    /// the line that reads it then reports that.
    pub(crate) async fn keep_line_sets(&self, sets: &[(u32, Set)]) -> Result<(), LeaseError> {
        for (line_no, set) in sets.iter().filter(|(_, set)| set.bytes() <= KEPT_BYTES) {
            if self.kept_line_sets().insert(*line_no) {
                self.keep_set(*line_no, PartKind::Output, set).await?;
            }
        }
        Ok(())
    }

    /// Notes that the set of a line is already kept.
    pub(crate) fn mark_line_set_kept(&self, line_no: u32) {
        self.kept_line_sets().insert(line_no);
    }

    fn kept_line_sets(&self) -> MutexGuard<'_, BTreeSet<u32>> {
        self.line_sets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn keep_set(&self, line_no: u32, kind: PartKind, set: &Set) -> Result<(), LeaseError> {
        let (mut batches, mut next_part) = (set.batches(PART_RECORDS, 0), 0);
        if set.is_empty() {
            // An empty part distinguishes an empty set from one that is not kept.
            self.keep_parts(vec![Part { line_no, kind, part: 0, records: Vec::new() }]).await?;
        }
        while let Some(batch) = batches.next().await.map_err(unreadable)? {
            next_part = self.keep_records((line_no, kind), next_part, batch.into_owned()).await?;
        }
        Ok(())
    }

    /// Keeps the records that a line rejected, with their reasons.
    pub(crate) async fn keep_rejected(&self, line_no: u32, rejected: &[Rejected]) -> Result<(), LeaseError> {
        let mut next_part = 0;
        for portion in rejected.chunks(PART_RECORDS) {
            let to_json = |rejected: &Rejected| json!({"record": rejected.record, "reason": rejected.reason});
            let records = portion.iter().map(to_json).collect();
            next_part = self.keep_records((line_no, PartKind::Rejected), next_part, records).await?;
        }
        Ok(())
    }

    /// Keeps records in parts of bounded size, and returns the number of the next part.
    async fn keep_records(
        &self,
        (line_no, kind): (u32, PartKind),
        mut next_part: u32,
        records: Records,
    ) -> Result<u32, LeaseError> {
        let mut parts: Vec<Part> = Vec::new();
        let mut bytes = PART_BYTES;
        for record in records {
            let size = size_of_text(&record);
            if bytes.saturating_add(size) > PART_BYTES || parts.is_empty() {
                parts.push(Part { line_no, kind, part: next_part, records: Vec::new() });
                (bytes, next_part) = (0, next_part + 1);
            }
            bytes += size;
            if let Some(part) = parts.last_mut() {
                part.records.push(record);
            }
        }
        self.keep_parts(parts).await?;
        Ok(next_part)
    }
}

/// A scratch file that cannot be read back ends the result, like a store that cannot be read.
fn unreadable(fault: ScratchFault) -> LeaseError {
    StoreError::Unreadable(fault.to_string()).into()
}
