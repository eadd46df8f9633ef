//! Builds the set that a filter passes on from the records that meet its criteria: sorted, without duplicates, from
//! `offset` up to `limit`, with the selected fields. Memory is bounded throughout.

use std::sync::Arc;

use serde_json::Value;

use crate::deadline::Deadline;
use crate::execution::filter::distinct::{MAX_DISTINCT, SeenDigests};
use crate::execution::outcome::LineError;
use crate::model::filter::Filter;
use crate::records::RECORDS_BETWEEN_CHECKS;
use crate::records::{Set, SetWriter, Sorter, SpillConfig};

/// Takes records that meet the criteria, and builds a set from them.
pub(super) enum SetBuilder {
    /// Applies `orderBy`, `distinct`, `offset`, `limit` and `select`.
    Arranged {
        /// None if the filter does not sort.
        sorter: Option<Box<Sorter>>,
        page: Box<PageWriter>,
    },
    /// Keeps all records in the order in which they come: a script chooses among them before they are arranged.
    Unarranged(SetWriter),
}

impl SetBuilder {
    pub(super) fn arranged(filter: &Arc<Filter>, spill: &SpillConfig) -> Self {
        let sorts = !filter.order().is_empty();
        let sorter = sorts.then(|| Box::new(Sorter::new(filter.order(), filter.at_most(), spill)));
        Self::Arranged { sorter, page: Box::new(PageWriter::new(Arc::clone(filter), MAX_DISTINCT, spill.writer())) }
    }

    pub(super) fn push(&mut self, record: Value, deadline: &Deadline) -> Result<(), LineError> {
        match self {
            Self::Arranged { sorter: Some(sorter), .. } => Ok(sorter.push(record, deadline)?),
            Self::Arranged { sorter: None, page } => page.push(record),
            Self::Unarranged(writer) => Ok(writer.push(record)?),
        }
    }

    pub(super) fn finish(self, deadline: &Deadline) -> Result<Set, LineError> {
        let (sorter, mut page) = match self {
            Self::Arranged { sorter, page } => (sorter, page),
            Self::Unarranged(writer) => return Ok(writer.finish()?),
        };
        deadline.check()?;
        if let Some(sorter) = sorter {
            for (position, record) in sorter.finish(deadline)?.enumerate() {
                if page.is_full() {
                    break;
                }
                if position % RECORDS_BETWEEN_CHECKS == 0 {
                    deadline.check()?;
                }
                page.push(record?)?;
            }
        }
        deadline.check()?;
        Ok(page.writer.finish()?)
    }
}

/// Applies `distinct`, `offset`, `limit` and `select` to records that come in their final order.
pub(super) struct PageWriter {
    filter: Arc<Filter>,
    seen: SeenDigests,
    /// How many records are still to be skipped.
    skip: usize,
    /// How many records may still be written.
    remaining: usize,
    writer: SetWriter,
}

impl PageWriter {
    pub(super) fn new(filter: Arc<Filter>, max_distinct: usize, writer: SetWriter) -> Self {
        let (skip, remaining) = (filter.offset(), filter.limit().unwrap_or(usize::MAX));
        Self { filter, seen: SeenDigests::new(max_distinct), skip, remaining, writer }
    }

    pub(super) fn is_full(&self) -> bool {
        self.remaining == 0
    }

    pub(super) fn push(&mut self, record: Value) -> Result<(), LineError> {
        if self.is_full() {
            return Ok(());
        }
        if let Some(digest) = self.filter.digest(&record)
            && !self.seen.insert(digest)?
        {
            return Ok(());
        }
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(());
        }
        self.remaining -= 1;
        Ok(self.writer.push(self.filter.shown(record))?)
    }
}
