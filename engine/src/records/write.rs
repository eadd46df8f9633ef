//! Making a set, record by record.

use serde_json::Value;

use crate::model::variables::VISIBLE_RECORDS;
use crate::ports::scratch::ScratchFault;
use crate::records::spill::SpillWriter;
use crate::records::spill_config::weight;
use crate::records::{Set, SpillConfig, Storage};

/// Makes a set. Within the bound it only collects; beyond it, all of them go to a file.
pub struct SetWriter {
    config: SpillConfig,
    /// All records as long as nothing is spilled; after that, the first ones.
    kept: Vec<Value>,
    weight: usize,
    spill: Option<SpillWriter>,
}

impl SetWriter {
    pub(super) fn of(config: SpillConfig) -> Self {
        Self { config, kept: Vec::new(), weight: 0, spill: None }
    }

    /// Adds a record at the end. Blocking once the bound is reached.
    ///
    /// # Errors
    /// It cannot be written to the scratch file.
    pub fn push(&mut self, record: Value) -> Result<(), ScratchFault> {
        if let Some(spill) = &mut self.spill {
            return spill.push(&record);
        }
        self.weight += weight(&record);
        self.kept.push(record);
        if self.kept.len() > self.config.bound.records || self.weight > self.config.bound.bytes {
            self.spill_all()?;
        }
        Ok(())
    }

    /// Adds records at the end. Blocking once the bound is reached.
    ///
    /// # Errors
    /// They cannot be written to the scratch file.
    pub fn extend(&mut self, records: impl IntoIterator<Item = Value>) -> Result<(), ScratchFault> {
        records.into_iter().try_for_each(|record| self.push(record))
    }

    /// The set. Blocking once the bound is reached.
    ///
    /// # Errors
    /// The last records cannot be written to the scratch file.
    pub fn finish(mut self) -> Result<Set, ScratchFault> {
        let storage = match self.spill.take() {
            Some(spill) => Storage::Spilled(spill.finish(self.kept)?.into()),
            None => Storage::Memory(self.kept.into()),
        };
        Ok(Set(storage))
    }

    /// Whether these records would still fit into memory, so that adding them does not block.
    pub(super) fn fits_in_memory(&self, more: &[Value]) -> bool {
        let bound = self.config.bound;
        self.spill.is_none()
            && self.kept.len() + more.len() <= bound.records
            && self.weight + more.iter().map(weight).sum::<usize>() <= bound.bytes
    }

    /// Whether all of it is held in memory.
    pub(super) fn in_memory(&self) -> bool {
        self.spill.is_none()
    }

    /// Moves all records to a file. The first ones stay in memory as well.
    fn spill_all(&mut self) -> Result<(), ScratchFault> {
        let mut spill = SpillWriter::begin(self.config.scratch.file()?, 0);
        self.kept.iter().try_for_each(|record| spill.push(record))?;
        self.kept.truncate(VISIBLE_RECORDS);
        // A single record may exceed the bound for all records in memory.
        let mut bytes = 0;
        let small = self.kept.iter().take_while(|record| {
            bytes += weight(record);
            bytes <= self.config.bound.bytes
        });
        let small = small.count();
        self.kept.truncate(small);
        self.kept.shrink_to_fit();
        self.spill = Some(spill);
        Ok(())
    }
}
