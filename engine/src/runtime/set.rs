//! Sets of records of any size: a small one is held in memory, and what is beyond a bound
//! stands as JSON text in a scratch file. A set never changes, and a clone is the same set.

mod batches;
mod buffer;
mod merge;
mod read;
mod room;
mod runs;
mod sink;
mod sort;
mod spill;
mod table;
mod write;

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use crate::model::record::size_of_text;
use crate::ports::scratch::ScratchFault;
pub(crate) use batches::Batches;
pub use read::Iter;
pub use room::{Bound, Room};
pub(crate) use sink::Sink;
pub(crate) use sort::Sorter;
use spill::Spilled;
pub(crate) use table::{Table, TableFault, TableWriter};
pub use write::SetWriter;

/// An ordered set of records. Each is a JSON object.
#[derive(Clone)]
pub struct Set(Held);

#[derive(Clone)]
enum Held {
    Memory(Arc<Vec<Value>>),
    Spilled(Arc<Spilled>),
}

impl Set {
    /// A set of records that are in memory already, and stay there.
    pub fn held(records: Vec<Value>) -> Self {
        Self(Held::Memory(Arc::new(records)))
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Held::Memory(records) => records.len(),
            Held::Spilled(spilled) => spilled.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes the records take as JSON text.
    pub fn bytes(&self) -> u64 {
        match &self.0 {
            Held::Memory(records) => records.iter().map(|record| size_of_text(record) as u64).sum(),
            Held::Spilled(spilled) => spilled.bytes(),
        }
    }

    /// The first records, at most `most`, from memory. Of a set in a file these are fewer
    /// where they are too large to be kept at hand.
    pub fn first(&self, most: usize) -> &[Value] {
        let records = match &self.0 {
            Held::Memory(records) => records,
            Held::Spilled(spilled) => spilled.head(),
        };
        &records[..most.min(records.len())]
    }

    /// All records in order. Blocking.
    pub fn iter(&self) -> Iter<'_> {
        self.iter_from(0)
    }

    /// The records in order, without the first `skip`. Blocking.
    pub fn iter_from(&self, skip: usize) -> Iter<'_> {
        Iter::of(&self.0, skip)
    }

    /// Every record in memory, for whoever knows that they are few. Blocking.
    ///
    /// # Errors
    /// The set cannot be read back.
    pub fn to_vec(&self) -> Result<Vec<Value>, ScratchFault> {
        self.iter().map(|record| record.map(Cow::into_owned)).collect()
    }

    /// Whether no file is needed for it.
    #[cfg(test)]
    pub(crate) fn in_memory(&self) -> bool {
        matches!(self.0, Held::Memory(_))
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
