//! The lookups of a filter: they join to each record what they find for it, before the criteria are applied.

mod field_presence;
mod load;
mod summary;

use std::borrow::Cow;

use serde_json::Value;

use crate::model::criteria::Criteria;
use crate::model::filter::{Lookup, LookupKey, Missing};
use crate::model::record::Rejected;
use crate::ports::scratch::ScratchFault;
use crate::records::Table;
use crate::records::rejections::Rejections;
use field_presence::FieldPresence;
pub(super) use summary::LookupSummary;

/// The lookups of a running filter.
pub(in crate::execution) struct Lookups {
    /// The criteria that need no lookup. A record that does not meet them is not looked up.
    criteria: Criteria,
    loaded: Vec<LoadedLookup>,
    /// How many records met those criteria.
    looked_up: usize,
    rejected: Rejections,
}

/// A lookup whose source has been read.
struct LoadedLookup {
    lookup: Lookup,
    table: Table,
    /// The fields of the source that the lookup names, each with the setting that names it.
    in_source: Vec<(String, FieldPresence)>,
    /// The field of the records whose value is looked up.
    on: FieldPresence,
    /// The rows of the source that did not fit, as a sentence.
    left_out: Option<String>,
    /// The kinds of the first keys in the source and in the records.
    kinds: [Option<&'static str>; 2],
    looked_up: usize,
    found: usize,
}

/// The result of the lookups for one record.
pub(super) enum JoinResult<'a> {
    /// The record with what was found for it.
    Joined(Cow<'a, Value>),
    /// The record as it was. It does not meet the criteria that need no lookup.
    Unmet(Cow<'a, Value>),
    /// Nothing was found for it, and it leaves the set.
    Missing,
}

impl Lookups {
    pub(super) fn is_empty(&self) -> bool {
        self.loaded.is_empty()
    }

    /// Joins to a record what is found for it.
    pub(super) fn join<'a>(&mut self, record: Cow<'a, Value>) -> Result<JoinResult<'a>, ScratchFault> {
        if self.loaded.is_empty() {
            return Ok(JoinResult::Joined(record));
        }
        if !self.criteria.matches(&record) {
            return Ok(JoinResult::Unmet(record));
        }
        self.looked_up += 1;
        let rejects = self.loaded.iter().any(|loaded| loaded.lookup.missing == Missing::Reject);
        let original = rejects.then(|| (*record).clone());
        let mut joined = record.into_owned();
        for loaded in &mut self.loaded {
            let found = loaded.find(&joined)?;
            match (found, loaded.lookup.missing) {
                (None, Missing::Drop) => return Ok(JoinResult::Missing),
                (None, Missing::Reject) => {
                    let reason = loaded.rejection_reason(&joined);
                    self.rejected.push(Rejected { record: original.unwrap_or(joined), reason });
                    return Ok(JoinResult::Missing);
                }
                (found, _) => joined[&loaded.lookup.name] = found.unwrap_or_default(),
            }
        }
        Ok(JoinResult::Joined(Cow::Owned(joined)))
    }
}

impl LoadedLookup {
    fn find(&mut self, record: &Value) -> Result<Option<Value>, ScratchFault> {
        self.looked_up += 1;
        self.on.see(record);
        let Some(key) = self.lookup.wanted(record) else { return Ok(None) };
        self.kinds[1].get_or_insert(key.kind());
        let found = self.table.find(key.text())?;
        self.found += usize::from(found.is_some());
        Ok(found)
    }

    /// Why the record is rejected.
    fn rejection_reason(&self, record: &Value) -> String {
        let Lookup { on, key, source, .. } = &self.lookup;
        match (self.lookup.wanted(record), on.of(record)) {
            (Some(wanted), _) => not_found(&wanted, key.as_ref().map(|key| key.as_str()), &source.title()),
            (None, None | Some(Value::Null)) => format!("The record has no `{on}`"),
            (None, Some(_)) => format!("The `{on}` of the record cannot be a key; a key must be a text or a number"),
        }
    }
}

fn not_found(wanted: &LookupKey, key: Option<&str>, place: &str) -> String {
    match key {
        Some(key) => format!("No record in {place} has the `{key}` {wanted}"),
        None => format!("No record in {place} has the key {wanted}"),
    }
}

#[cfg(test)]
mod tests;
