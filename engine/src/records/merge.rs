//! Merging sorted runs: among the next records of all runs, the least comes first.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::sync::Arc;

use serde_json::Value;

use crate::model::filter::SortKey;
use crate::ports::scratch::ScratchFault;
use crate::records::spill::SpillReader;

/// Which of two records comes first; equal if all keys are equal.
pub(super) fn compare(keys: &[SortKey], a: &Value, b: &Value) -> Ordering {
    let mut orders = keys.iter().map(|key| key.compare(a, b));
    orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// Several runs as one. Among equal records, those of an earlier run come first.
pub(crate) struct Merge {
    runs: Vec<SpillReader>,
    heads: BinaryHeap<Reverse<Head>>,
}

/// The next record of a run.
struct Head {
    record: Value,
    run: usize,
    keys: Arc<[SortKey]>,
}

impl Merge {
    pub(super) fn of(runs: impl Iterator<Item = SpillReader>, keys: Arc<[SortKey]>) -> Result<Self, ScratchFault> {
        let mut merge = Self { runs: runs.collect(), heads: BinaryHeap::new() };
        for (run, reader) in merge.runs.iter_mut().enumerate() {
            if let Some(record) = reader.next()? {
                merge.heads.push(Reverse(Head { record, run, keys: Arc::clone(&keys) }));
            }
        }
        Ok(merge)
    }

    /// The next record; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Value>, ScratchFault> {
        let Some(mut least) = self.heads.peek_mut() else { return Ok(None) };
        let run = least.0.run;
        let next = match self.runs[run].next()? {
            Some(next) => std::mem::replace(&mut least.0.record, next),
            None => PeekMut::pop(least).0.record,
        };
        Ok(Some(next))
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(&self.keys, &self.record, &other.record).then_with(|| self.run.cmp(&other.run))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head {}
