//! Sorting more records than memory holds: sorted runs go to scratch files and are merged.
//! The order is that of [`values::order::sort`], and records that it finds equal stay in the
//! order in which they came.

use std::sync::Arc;

use serde_json::Value;
use values::order::sort;

use super::Room;
use super::merge::{Merge, order};
use super::room::weight;
use super::runs::Runs;
use crate::model::filter::SortKey;
use crate::runtime::perform::Broken;
use crate::runtime::sources::Stop;

/// Takes up records in any order, and gives them back in theirs.
pub(crate) struct Sorter {
    keys: Arc<[SortKey]>,
    room: Room,
    /// How many of the first records are wanted.
    most: usize,
    buffer: Vec<Value>,
    weight: usize,
    /// Whether the first `most` records of the buffer are in order: what does not come before
    /// the last of them is not wanted.
    full: bool,
    runs: Runs,
}

impl Sorter {
    /// Sorts by these keys, and gives back at least the first `most` records.
    pub(crate) fn of(keys: &[SortKey], most: Option<usize>, room: &Room) -> Self {
        let keys: Arc<[SortKey]> = keys.into();
        let runs = Runs::of(Arc::clone(&keys), Arc::clone(&room.scratch));
        let most = most.unwrap_or(usize::MAX);
        Self { keys, room: room.clone(), most, buffer: Vec::new(), weight: 0, full: most == 0, runs }
    }

    /// Takes up a record. Blocking.
    pub(crate) fn push(&mut self, record: Value, stop: &Stop) -> Result<(), Broken> {
        if self.full && !self.comes_in(&record) {
            return Ok(());
        }
        self.weight += weight(&record);
        self.buffer.push(record);
        if self.buffer.len() > self.room.bound.records || self.weight > self.room.bound.bytes {
            self.make_room(stop)?;
        }
        Ok(())
    }

    /// The records in their order. Blocking.
    pub(crate) fn finish(mut self, stop: &Stop) -> Result<Sorted, Broken> {
        self.order();
        if self.runs.is_empty() {
            return Ok(Sorted::Memory(self.buffer.into_iter()));
        }
        self.runs.add(&self.buffer, stop)?;
        Ok(Sorted::Spilled(self.runs.merge()?))
    }

    /// What is not among the first records that are wanted is forgotten. If that leaves much,
    /// it goes to a file.
    fn make_room(&mut self, stop: &Stop) -> Result<(), Broken> {
        stop.check()?;
        self.order();
        let bound = self.room.bound;
        if self.buffer.len() > bound.records / 2 || self.weight > bound.bytes / 2 {
            self.runs.add(&self.buffer, stop)?;
            self.buffer.clear();
            (self.weight, self.full) = (0, false);
        }
        Ok(())
    }

    fn order(&mut self) {
        sort(&mut self.buffer, &self.keys);
        if self.buffer.len() > self.most {
            self.buffer.truncate(self.most);
            self.weight = self.buffer.iter().map(weight).sum();
        }
        self.full = self.buffer.len() == self.most;
    }

    /// Whether a record comes before the last of those that are wanted so far.
    fn comes_in(&self, record: &Value) -> bool {
        let last = self.most.checked_sub(1).and_then(|last| self.buffer.get(last));
        last.is_some_and(|last| order(&self.keys, record, last).is_lt())
    }
}

/// Records in their order.
pub(crate) enum Sorted {
    Memory(std::vec::IntoIter<Value>),
    Spilled(Merge),
}

impl Iterator for Sorted {
    type Item = Result<Value, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Memory(records) => records.next().map(Ok),
            Self::Spilled(merge) => merge.next().map_err(Broken::from).transpose(),
        }
    }
}
