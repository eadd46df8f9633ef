//! Looking at the records that a filter chooses from, and counting what its warning says.

use std::sync::Arc;

use serde_json::Value;

use crate::model::criteria::{Mismatches, Verdict};
use crate::model::field_use::FieldUse;
use crate::model::filter::Filter;

/// Looks at one record after the other.
pub(super) struct Scan {
    filter: Arc<Filter>,
    /// The fields that the filter names; empty if it may name fields that are not there.
    pub(super) fields: FieldUse,
    mismatches: Mismatches,
    /// How many records were looked at.
    pub(super) read: usize,
}

impl Scan {
    pub(super) fn of(filter: &Arc<Filter>, fields_are_optional: bool) -> Self {
        let fields = if fields_are_optional { Vec::new() } else { filter.fields() };
        let (fields, mismatches) = (FieldUse::of(fields), Mismatches::default());
        Self { filter: Arc::clone(filter), fields, mismatches, read: 0 }
    }

    /// Whether the record meets the criteria.
    pub(super) fn keeps(&mut self, record: &Value) -> bool {
        self.read += 1;
        self.fields.see(record);
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
        let sentences = [self.mismatches.warning(of), self.fields.warning()];
        let sentences: Vec<_> = sentences.into_iter().flatten().collect();
        (!sentences.is_empty()).then(|| sentences.join(" "))
    }
}
