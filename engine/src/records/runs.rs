//! Sorted runs in scratch files. When there are many of one level, they are merged to one run of the next, so that only
//! few are open at the end, however many records there are.

use std::sync::Arc;

use serde_json::Value;

use super::{RECORDS_BETWEEN_CHECKS, SetError};
use crate::deadline::Deadline;
use crate::model::filter::SortKey;
use crate::ports::scratch::{Scratch, ScratchFault, ScratchFile};
use crate::records::merge::Merge;
use crate::records::spill::{SpillReader, SpillWriter, Spilled};

/// How many runs are merged at once. Each of them holds a portion of text in memory.
const AT_ONCE: usize = 64;

/// Runs that are sorted by the same keys.
pub(super) struct Runs {
    keys: Arc<[SortKey]>,
    scratch: Arc<dyn Scratch>,
    levels: Vec<Level>,
}

/// Runs of about the same length, one after the other in one file.
struct Level {
    file: Arc<dyn ScratchFile>,
    end: u64,
    runs: Vec<Arc<Spilled>>,
}

impl Runs {
    pub(super) fn of(keys: Arc<[SortKey]>, scratch: Arc<dyn Scratch>) -> Self {
        Self { keys, scratch, levels: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }

    /// Adds a run, whose records came after those of all others.
    pub(super) fn add(&mut self, sorted: &[Value], deadline: &Deadline) -> Result<(), SetError> {
        let mut writing = self.begin(0)?;
        for record in sorted {
            writing.push(record)?;
        }
        self.end(0, writing)?;
        let mut level = 0;
        while self.levels[level].runs.len() == AT_ONCE {
            self.merge_level(level, deadline)?;
            level += 1;
        }
        Ok(())
    }

    /// Merges all runs of a level to one of the next.
    fn merge_level(&mut self, level: usize, deadline: &Deadline) -> Result<(), SetError> {
        let emptied = Level::new(self.scratch.as_ref())?;
        let full = std::mem::replace(&mut self.levels[level], emptied);
        let mut merge = Merge::of(full.readers(), Arc::clone(&self.keys))?;
        let (mut writing, mut written) = (self.begin(level + 1)?, 0);
        while let Some(record) = merge.next()? {
            if written % RECORDS_BETWEEN_CHECKS == 0 {
                deadline.check()?;
            }
            writing.push(&record)?;
            written += 1;
        }
        Ok(self.end(level + 1, writing)?)
    }

    fn begin(&mut self, level: usize) -> Result<SpillWriter, ScratchFault> {
        if self.levels.len() == level {
            self.levels.push(Level::new(self.scratch.as_ref())?);
        }
        let level = &self.levels[level];
        Ok(SpillWriter::begin(Arc::clone(&level.file), level.end))
    }

    fn end(&mut self, level: usize, writing: SpillWriter) -> Result<(), ScratchFault> {
        let run = writing.finish(Vec::new())?;
        let level = &mut self.levels[level];
        level.end = run.end();
        level.runs.push(run.into());
        Ok(())
    }

    /// All records in their order. The runs of higher levels came first.
    pub(super) fn merge(self) -> Result<Merge, ScratchFault> {
        Merge::of(self.levels.iter().rev().flat_map(Level::readers), self.keys)
    }
}

impl Level {
    fn new(scratch: &dyn Scratch) -> Result<Self, ScratchFault> {
        Ok(Self { file: scratch.file()?, end: 0, runs: Vec::new() })
    }

    fn readers(&self) -> impl Iterator<Item = SpillReader> {
        self.runs.iter().map(|run| SpillReader::begin(Arc::clone(run), 0))
    }
}
