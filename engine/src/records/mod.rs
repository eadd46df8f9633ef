//! Sets of records of any size. A small set is held in memory; a larger one is kept as JSON text in a scratch file. A
//! set never changes, and a clone is the same set.
//!
//! What belongs here knows records, but neither jobs nor lines.

mod batches;
mod buffer;
mod merge;
mod read;
pub(crate) mod rejections;
mod runs;
mod sink;
mod sort;
mod spill;
pub mod spill_config;
mod table;
mod write;

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use crate::deadline::Interrupt;
use crate::model::record::{Sample, size_of_text};
use crate::ports::scratch::ScratchFault;
pub(crate) use batches::Batches;
pub use read::Iter;
pub(crate) use sink::Sink;
pub(crate) use sort::Sorter;
use spill::Spilled;
pub use spill_config::{Bound, SpillConfig};
pub(crate) use table::{Table, TableFault, TableWriter};
pub use write::SetWriter;

/// How many records are copied at once from one set to another.
pub(crate) const COPIED: usize = 1000;
/// How many bytes of records an action that takes its set whole may get.
pub(crate) const MAX_WHOLE_BYTES: u64 = 64 * 1024 * 1024;

/// How many records are processed between two checks of the deadline.
pub(crate) const RECORDS_BETWEEN_CHECKS: usize = 256;

/// Why a set was not made.
#[derive(Debug)]
pub(crate) enum SetError {
    /// The work had to stop.
    Interrupt(Interrupt),
    /// A scratch file cannot be written or read.
    Scratch(ScratchFault),
}

impl From<Interrupt> for SetError {
    fn from(interrupt: Interrupt) -> Self {
        Self::Interrupt(interrupt)
    }
}

impl From<ScratchFault> for SetError {
    fn from(fault: ScratchFault) -> Self {
        Self::Scratch(fault)
    }
}

/// Such as `1 record` or `5 records`.
pub(crate) fn counted(count: usize) -> String {
    if count == 1 { "1 record".to_owned() } else { format!("{count} records") }
}

/// Such as `the only record` or `all 5 records`.
pub(crate) fn all_of(count: usize) -> String {
    if count == 1 { "the only record".to_owned() } else { format!("all {count} records") }
}

/// An ordered set of records. Each is a JSON object.
#[derive(Clone)]
pub struct Set(Storage);

#[derive(Clone)]
enum Storage {
    Memory(Arc<Vec<Value>>),
    Spilled(Arc<Spilled>),
}

impl Set {
    /// A set of records that stay in memory.
    pub fn held(records: Vec<Value>) -> Self {
        Self::shared(Arc::new(records))
    }

    /// The same for records that are shared.
    pub(crate) fn shared(records: Arc<Vec<Value>>) -> Self {
        Self(Storage::Memory(records))
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Storage::Memory(records) => records.len(),
            Storage::Spilled(spilled) => spilled.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes the records take as JSON text.
    pub fn bytes(&self) -> u64 {
        match &self.0 {
            Storage::Memory(records) => records.iter().map(|record| size_of_text(record) as u64).sum(),
            Storage::Spilled(spilled) => spilled.bytes(),
        }
    }

    /// The first records, at most `max`, from memory. If the set is in a file and its records are large, these may be
    /// fewer.
    pub fn first(&self, max: usize) -> &[Value] {
        let records = match &self.0 {
            Storage::Memory(records) => records,
            Storage::Spilled(spilled) => spilled.head(),
        };
        &records[..max.min(records.len())]
    }

    /// The first records, to be stored with a result.
    pub(crate) fn sample(&self) -> Sample {
        match &self.0 {
            Storage::Memory(records) => Sample::of_all(records),
            Storage::Spilled(spilled) => Sample::of(spilled.head(), spilled.len()),
        }
    }

    /// All records in order. Blocking.
    pub fn iter(&self) -> Iter<'_> {
        self.iter_from(0)
    }

    /// The records in order, without the first `skip`. Blocking.
    pub fn iter_from(&self, skip: usize) -> Iter<'_> {
        Iter::of(&self.0, skip)
    }

    /// All records in memory, for callers who know that they are few. Blocking.
    ///
    /// # Errors
    /// The set cannot be read back.
    pub fn to_vec(&self) -> Result<Vec<Value>, ScratchFault> {
        self.iter().map(|record| record.map(Cow::into_owned)).collect()
    }

    #[cfg(test)]
    pub(crate) fn in_memory(&self) -> bool {
        matches!(self.0, Storage::Memory(_))
    }

    /// The records in batches of this size, without the first `skip` records.
    pub(crate) fn batches(&self, size: usize, skip: usize) -> Batches<'_> {
        Batches::of(&self.0, size, skip)
    }
}

impl std::fmt::Debug for Set {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Set of {} records beginning with {:?}", self.len(), self.first(3))
    }
}

#[cfg(test)]
mod tests;
