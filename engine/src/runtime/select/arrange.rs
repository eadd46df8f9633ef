//! What goes on of the records that meet the criteria of a filter: in their order, each kind
//! once, so many of them, with the fields that were asked for. Memory is bounded throughout.

use std::sync::Arc;

use serde_json::Value;

use super::distinct::{self, Seen};
use crate::model::filter::Filter;
use crate::runtime::perform::Broken;
use crate::runtime::select::RECORDS_BETWEEN_CHECKS;
use crate::runtime::set::{Room, Set, SetWriter, Sorter};
use crate::runtime::sources::Stop;

/// Takes up records that meet the criteria.
pub(super) enum Gathering {
    /// To be arranged.
    Arranged {
        /// None if they stay as they come.
        sorter: Option<Box<Sorter>>,
        page: Box<Page>,
    },
    /// As they come, for a script that is asked about them before they are arranged.
    AsTheyCome(SetWriter),
}

impl Gathering {
    /// What a filter says about order, kinds, number and fields.
    pub(super) fn arranged(filter: &Arc<Filter>, room: &Room) -> Self {
        let sorts = !filter.order().is_empty();
        let sorter = sorts.then(|| Box::new(Sorter::of(filter.order(), filter.at_most(), room)));
        Self::Arranged { sorter, page: Box::new(Page::of(Arc::clone(filter), distinct::AT_MOST, room.writer())) }
    }

    pub(super) fn push(&mut self, record: Value, stop: &Stop) -> Result<(), Broken> {
        match self {
            Self::Arranged { sorter: Some(sorter), .. } => sorter.push(record, stop),
            Self::Arranged { sorter: None, page } => page.push(record),
            Self::AsTheyCome(writer) => Ok(writer.push(record)?),
        }
    }

    pub(super) fn finish(self, stop: &Stop) -> Result<Set, Broken> {
        let (sorter, mut page) = match self {
            Self::Arranged { sorter, page } => (sorter, page),
            Self::AsTheyCome(writer) => return Ok(writer.finish()?),
        };
        stop.check()?;
        if let Some(sorter) = sorter {
            for (position, record) in sorter.finish(stop)?.enumerate() {
                if page.is_full() {
                    break;
                }
                if position % RECORDS_BETWEEN_CHECKS == 0 {
                    stop.check()?;
                }
                page.push(record?)?;
            }
        }
        stop.check()?;
        Ok(page.writer.finish()?)
    }
}

/// The part of the records that goes on.
pub(super) struct Page {
    filter: Arc<Filter>,
    seen: Seen,
    /// How many are still passed over, and how many go on after them.
    skip: usize,
    left: usize,
    writer: SetWriter,
}

impl Page {
    pub(super) fn of(filter: Arc<Filter>, distinct: usize, writer: SetWriter) -> Self {
        let (skip, left) = (filter.offset(), filter.limit().unwrap_or(usize::MAX));
        Self { filter, seen: Seen::at_most(distinct), skip, left, writer }
    }

    pub(super) fn is_full(&self) -> bool {
        self.left == 0
    }

    pub(super) fn push(&mut self, record: Value) -> Result<(), Broken> {
        if self.is_full() {
            return Ok(());
        }
        if let Some(digest) = self.filter.digest(&record)
            && !self.seen.is_new(digest)?
        {
            return Ok(());
        }
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(());
        }
        self.left -= 1;
        Ok(self.writer.push(self.filter.shown(record))?)
    }
}
