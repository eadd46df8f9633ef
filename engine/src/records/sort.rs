//! An external merge sort: sorted runs go to scratch files and are merged. The order is that of
//! [`values::order::sort`], and records that it finds equal stay in the order in which they came.

use std::sync::Arc;

use serde_json::Value;
use values::order::sort;

use super::SetError;
use crate::deadline::Deadline;
use crate::model::filter::SortKey;
use crate::records::SpillConfig;
use crate::records::merge::{Merge, compare};
use crate::records::runs::Runs;
use crate::records::spill_config::weight;

/// Takes records in any order, and returns them sorted.
pub(crate) struct Sorter {
    keys: Arc<[SortKey]>,
    spill: SpillConfig,
    /// How many of the first records are wanted.
    max: usize,
    buffer: Vec<Value>,
    weight: usize,
    /// Whether the buffer holds the first `max` records in order: a record that does not come before the last of them
    /// is not wanted.
    full: bool,
    runs: Runs,
}

impl Sorter {
    /// Sorts by these keys, and returns at least the first `max` records.
    pub(crate) fn new(keys: &[SortKey], max: Option<usize>, spill: &SpillConfig) -> Self {
        let keys: Arc<[SortKey]> = keys.into();
        let runs = Runs::of(Arc::clone(&keys), Arc::clone(&spill.scratch));
        let max = max.unwrap_or(usize::MAX);
        Self { keys, spill: spill.clone(), max, buffer: Vec::new(), weight: 0, full: max == 0, runs }
    }

    /// Adds a record. Blocking.
    pub(crate) fn push(&mut self, record: Value, deadline: &Deadline) -> Result<(), SetError> {
        if self.full && !self.is_wanted(&record) {
            return Ok(());
        }
        self.weight += weight(&record);
        self.buffer.push(record);
        if self.buffer.len() > self.spill.bound.records || self.weight > self.spill.bound.bytes {
            self.shrink_buffer(deadline)?;
        }
        Ok(())
    }

    /// The sorted records. Blocking.
    pub(crate) fn finish(mut self, deadline: &Deadline) -> Result<Sorted, SetError> {
        self.sort_buffer();
        if self.runs.is_empty() {
            return Ok(Sorted::Memory(self.buffer.into_iter()));
        }
        self.runs.add(&self.buffer, deadline)?;
        Ok(Sorted::Spilled(self.runs.merge()?))
    }

    /// Drops the records that are not among the first `max`. If many are left, they go to a file.
    fn shrink_buffer(&mut self, deadline: &Deadline) -> Result<(), SetError> {
        deadline.check()?;
        self.sort_buffer();
        let bound = self.spill.bound;
        if self.buffer.len() > bound.records / 2 || self.weight > bound.bytes / 2 {
            self.runs.add(&self.buffer, deadline)?;
            self.buffer.clear();
            (self.weight, self.full) = (0, false);
        }
        Ok(())
    }

    fn sort_buffer(&mut self) {
        sort(&mut self.buffer, &self.keys);
        if self.buffer.len() > self.max {
            self.buffer.truncate(self.max);
            self.weight = self.buffer.iter().map(weight).sum();
        }
        self.full = self.buffer.len() == self.max;
    }

    /// Whether a record comes before the last of the records that are wanted so far.
    fn is_wanted(&self, record: &Value) -> bool {
        let last = self.max.checked_sub(1).and_then(|last| self.buffer.get(last));
        last.is_some_and(|last| compare(&self.keys, record, last).is_lt())
    }
}

/// Sorted records.
pub(crate) enum Sorted {
    Memory(std::vec::IntoIter<Value>),
    Spilled(Merge),
}

impl Iterator for Sorted {
    type Item = Result<Value, SetError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Memory(records) => records.next().map(Ok),
            Self::Spilled(merge) => merge.next().map_err(SetError::from).transpose(),
        }
    }
}
