//! Looking at the records that a filter chooses from: they get their types, lookups join to them, and the
//! criteria choose. What the line warns of is counted on the way.

use std::borrow::Cow;

use chrono_tz::Tz;
use serde_json::Value;

use super::lookup::{Found, Joined, Lookups};
use crate::model::criteria::{Mismatches, Verdict};
use crate::model::field_use::FieldUse;
use crate::model::filter::Filter;
use crate::runtime::perform::Broken;
use crate::runtime::rejections::Rejections;
use crate::runtime::sources::{Row, Typed};

/// Looks at one record after the other.
pub(super) struct Scan<'a> {
    filter: &'a Filter,
    typed: Typed<'a>,
    lookups: Lookups,
    /// The fields that the filter names; empty if it may name fields that are not there.
    fields: FieldUse,
    mismatches: Mismatches,
}

/// What there is to say of the records that were looked at.
pub(super) struct Scanned {
    pub(super) read: usize,
    /// Those that did not fit their types.
    pub(super) rejected: Rejections,
    pub(super) joined: Joined,
    pub(super) fields: FieldUse,
    mismatches: Mismatches,
}

impl<'a> Scan<'a> {
    pub(super) fn of(filter: &'a Filter, zone: Tz, fields_are_optional: bool, lookups: Lookups) -> Self {
        let fields = if fields_are_optional { Vec::new() } else { filter.fields() };
        let typed = Typed::of(filter.source.as_ref(), &filter.types, zone);
        Self { filter, typed, lookups, fields: FieldUse::of(fields), mismatches: Mismatches::default() }
    }

    /// The record with its types and what is joined to it, if it is chosen.
    pub(super) fn take<'r>(&mut self, record: Cow<'r, Value>) -> Result<Option<Cow<'r, Value>>, Broken> {
        match self.typed.take(record)? {
            Some(record) => self.join(record),
            None => Ok(None),
        }
    }

    /// Does the same with a record of a file, which may be one that could not be read.
    pub(super) fn take_row(&mut self, row: Row) -> Result<Option<Value>, Broken> {
        match self.typed.take_row(row)? {
            Some(record) => Ok(self.join(Cow::Owned(record))?.map(Cow::into_owned)),
            None => Ok(None),
        }
    }

    fn join<'r>(&mut self, record: Cow<'r, Value>) -> Result<Option<Cow<'r, Value>>, Broken> {
        Ok(match self.lookups.join(record)? {
            Found::Joined(record) => self.keeps(&record).then_some(record),
            Found::Unmet(record) => {
                self.keeps(&record);
                None
            }
            Found::Missing => None,
        })
    }

    /// Whether the record meets the criteria.
    fn keeps(&mut self, record: &Value) -> bool {
        self.fields.see(record);
        let verdict = self.filter.judge(record);
        if verdict == Verdict::Undecided {
            self.mismatches.note(self.filter.criteria(), record);
        }
        verdict == Verdict::Holds
    }

    pub(super) fn finish(self) -> Scanned {
        let (read, rejected) = self.typed.finish();
        Scanned { read, rejected, joined: self.lookups.finish(), fields: self.fields, mismatches: self.mismatches }
    }
}

impl Scanned {
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
