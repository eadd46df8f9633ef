//! Making a set, record by record.

use serde_json::Value;

use super::room::weight;
use super::spill::SpillWriter;
use super::{Held, Room, Set};
use crate::model::variables::VISIBLE_RECORDS;
use crate::ports::scratch::ScratchFault;

/// Makes a set. Within the bound it only collects; beyond it, everything goes to a file.
pub struct SetWriter {
    room: Room,
    /// All records as long as nothing is spilled; after that, the first ones.
    kept: Vec<Value>,
    weight: usize,
    spill: Option<SpillWriter>,
}

impl SetWriter {
    pub(super) fn of(room: Room) -> Self {
        Self { room, kept: Vec::new(), weight: 0, spill: None }
    }

    /// Adds a record at the end. Blocking once the bound is met.
    ///
    /// # Errors
    /// There is no room for it.
    pub fn push(&mut self, record: Value) -> Result<(), ScratchFault> {
        if let Some(spill) = &mut self.spill {
            return spill.push(&record);
        }
        self.weight += weight(&record);
        self.kept.push(record);
        if self.kept.len() > self.room.bound.records || self.weight > self.room.bound.bytes {
            self.spill_all()?;
        }
        Ok(())
    }

    /// Adds records at the end. Blocking once the bound is met.
    ///
    /// # Errors
    /// There is no room for them.
    pub fn extend(&mut self, records: impl IntoIterator<Item = Value>) -> Result<(), ScratchFault> {
        records.into_iter().try_for_each(|record| self.push(record))
    }

    /// The set. Blocking once the bound is met.
    ///
    /// # Errors
    /// There is no room for the last records.
    pub fn finish(mut self) -> Result<Set, ScratchFault> {
        let held = match self.spill.take() {
            Some(spill) => Held::Spilled(spill.finish(self.kept)?.into()),
            None => Held::Memory(self.kept.into()),
        };
        Ok(Set(held))
    }

    /// Whether these records would still be held in memory, so that adding them blocks nobody.
    pub(super) fn holds(&self, more: &[Value]) -> bool {
        let bound = self.room.bound;
        self.spill.is_none()
            && self.kept.len() + more.len() <= bound.records
            && self.weight + more.iter().map(weight).sum::<usize>() <= bound.bytes
    }

    /// Whether all of it is held in memory.
    pub(super) fn in_memory(&self) -> bool {
        self.spill.is_none()
    }

    /// What was collected goes to a file; the first records stay at hand as well.
    fn spill_all(&mut self) -> Result<(), ScratchFault> {
        let mut spill = SpillWriter::begin(self.room.scratch.file()?, 0);
        self.kept.iter().try_for_each(|record| spill.push(record))?;
        self.kept.truncate(VISIBLE_RECORDS);
        // One record may be larger than all that is kept at hand.
        let mut bytes = 0;
        let small = self.kept.iter().take_while(|record| {
            bytes += weight(record);
            bytes <= self.room.bound.bytes
        });
        let small = small.count();
        self.kept.truncate(small);
        self.kept.shrink_to_fit();
        self.spill = Some(spill);
        Ok(())
    }
}
