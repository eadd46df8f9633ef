//! The scan of the records that a filter chooses from: they get their types, lookups add to them, and the criteria
//! choose. What the line warns of is counted on the way.

use std::borrow::Cow;

use chrono_tz::Tz;
use serde_json::Value;

use crate::execution::filter::lookup::{JoinResult, LookupSummary, Lookups};
use crate::execution::outcome::LineError;
use crate::execution::sources::{Row, TypeConverter};
use crate::model::criteria::{Mismatches, Verdict};
use crate::model::field_use::FieldUse;
use crate::model::filter::Filter;
use crate::records::rejections::Rejections;

/// A scan in progress.
pub(super) struct Scan<'a> {
    filter: &'a Filter,
    converter: TypeConverter<'a>,
    lookups: Lookups,
    /// The fields that the filter names; empty if they are optional.
    fields: FieldUse,
    mismatches: Mismatches,
}

/// What a scan found besides the chosen records.
pub(super) struct ScanSummary {
    pub(super) read: usize,
    /// The records that did not fit their types.
    pub(super) rejected: Rejections,
    pub(super) lookups: LookupSummary,
    pub(super) fields: FieldUse,
    mismatches: Mismatches,
}

impl<'a> Scan<'a> {
    pub(super) fn new(filter: &'a Filter, zone: Tz, fields_are_optional: bool, lookups: Lookups) -> Self {
        let fields = if fields_are_optional { Vec::new() } else { filter.fields() };
        let converter = TypeConverter::new(filter.source.as_ref(), &filter.types, zone);
        Self { filter, converter, lookups, fields: FieldUse::new(fields), mismatches: Mismatches::default() }
    }

    /// The record with its types and what lookups found for it, if it is chosen.
    pub(super) fn scan<'r>(&mut self, record: Cow<'r, Value>) -> Result<Option<Cow<'r, Value>>, LineError> {
        match self.converter.convert(record)? {
            Some(record) => self.look_up(record),
            None => Ok(None),
        }
    }

    /// Does the same with a record of a file, which may be one that could not be read.
    pub(super) fn scan_row(&mut self, row: Row) -> Result<Option<Value>, LineError> {
        match self.converter.convert_row(row)? {
            Some(record) => Ok(self.look_up(Cow::Owned(record))?.map(Cow::into_owned)),
            None => Ok(None),
        }
    }

    fn look_up<'r>(&mut self, record: Cow<'r, Value>) -> Result<Option<Cow<'r, Value>>, LineError> {
        Ok(match self.lookups.join(record)? {
            JoinResult::Joined(record) => self.meets_criteria(&record).then_some(record),
            JoinResult::Unmet(record) => {
                self.meets_criteria(&record);
                None
            }
            JoinResult::Missing => None,
        })
    }

    fn meets_criteria(&mut self, record: &Value) -> bool {
        self.fields.see(record);
        let verdict = self.filter.judge(record);
        if verdict == Verdict::Undecided {
            self.mismatches.note(self.filter.criteria(), record);
        }
        verdict == Verdict::Holds
    }

    pub(super) fn finish(self) -> ScanSummary {
        let (read, rejected) = self.converter.finish();
        ScanSummary { read, rejected, lookups: self.lookups.finish(), fields: self.fields, mismatches: self.mismatches }
    }
}

impl ScanSummary {
    /// Whether there were records for which the criteria could not be decided.
    pub(super) fn has_mismatches(&self) -> bool {
        !self.mismatches.is_empty()
    }

    /// What the line warns of. `total` is how many records the source has, if that is known.
    pub(super) fn warning(&self, total: Option<u64>) -> Option<String> {
        let sentences = [self.mismatches.warning(total), self.fields.warning()];
        let sentences: Vec<_> = sentences.into_iter().flatten().collect();
        (!sentences.is_empty()).then(|| sentences.join(" "))
    }
}
