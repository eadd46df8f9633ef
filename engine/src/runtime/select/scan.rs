//! Looking at the records that a filter chooses from, and counting what its warning says.

use std::sync::Arc;

use serde_json::Value;

use crate::model::criteria::{Mismatches, Verdict};
use crate::model::filter::Filter;

/// Looks at one record after the other.
pub(super) struct Scan {
    filter: Arc<Filter>,
    mismatches: Mismatches,
    /// How many records were looked at.
    pub(super) read: usize,
}

impl Scan {
    pub(super) fn of(filter: &Arc<Filter>) -> Self {
        Self { filter: Arc::clone(filter), mismatches: Mismatches::default(), read: 0 }
    }

    /// Whether the record meets the criteria.
    pub(super) fn keeps(&mut self, record: &Value) -> bool {
        self.read += 1;
        let verdict = self.filter.judge(record);
        if verdict == Verdict::Undecided {
            self.mismatches.note(self.filter.criteria(), record);
        }
        verdict == Verdict::Holds
    }

    /// Whether there were records for which the criteria could not be decided.
    pub(super) fn has_mismatches(&self) -> bool {
        !self.mismatches.is_empty()
    }

    /// What the line warns of. `of` is how many records there are, if that is known.
    pub(super) fn warning(&self, of: Option<u64>) -> Option<String> {
        self.mismatches.warning(of)
    }
}
