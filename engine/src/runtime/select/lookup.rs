//! Joins to each record what the lookups of a filter find, before its criteria.

mod load;
mod outcome;
mod sought;

use std::borrow::Cow;

use serde_json::Value;

use crate::model::criteria::Criteria;
use crate::model::filter::{Lookup, LookupKey, Missing};
use crate::model::record::Rejected;
use crate::ports::scratch::ScratchFault;
use crate::runtime::rejections::Rejections;
use crate::runtime::set::Table;
pub(super) use outcome::Joined;
use sought::Sought;

/// The lookups of a filter at work.
pub(in crate::runtime) struct Lookups {
    /// A record that does not meet these is not chosen, whatever is found for it.
    before: Criteria,
    loaded: Vec<Loaded>,
    /// How many records met those criteria.
    asked: usize,
    rejected: Rejections,
}

/// A lookup with what it finds.
struct Loaded {
    lookup: Lookup,
    table: Table,
    /// The fields of the source that the lookup names, each with the word that names it.
    in_source: Vec<(String, Sought)>,
    /// The field of the records.
    on: Sought,
    /// The rows of the source that did not fit, as a sentence.
    left_out: Option<String>,
    /// The kinds of the first keys in the source and in the records.
    kinds: [Option<&'static str>; 2],
    asked: usize,
    found: usize,
}

/// What lookups make of a record.
pub(super) enum Found<'a> {
    /// The record with what was found for it.
    Joined(Cow<'a, Value>),
    /// The record as it came: it is not chosen, whatever would be found for it.
    Unmet(Cow<'a, Value>),
    /// Nothing was found for it, and it leaves the set.
    Missing,
}

impl Lookups {
    /// Joins to a record what is found for it.
    pub(super) fn join<'a>(&mut self, record: Cow<'a, Value>) -> Result<Found<'a>, ScratchFault> {
        if self.loaded.is_empty() {
            return Ok(Found::Joined(record));
        }
        if !self.before.matches(&record) {
            return Ok(Found::Unmet(record));
        }
        self.asked += 1;
        let rejects = self.loaded.iter().any(|loaded| loaded.lookup.missing == Missing::Reject);
        let as_it_came = rejects.then(|| (*record).clone());
        let mut joined = record.into_owned();
        for loaded in &mut self.loaded {
            let found = loaded.find(&joined)?;
            match (found, loaded.lookup.missing) {
                (None, Missing::Drop) => return Ok(Found::Missing),
                (None, Missing::Reject) => {
                    let reason = loaded.reason(&joined);
                    self.rejected.push(Rejected { record: as_it_came.unwrap_or(joined), reason });
                    return Ok(Found::Missing);
                }
                (found, _) => joined[&loaded.lookup.name] = found.unwrap_or_default(),
            }
        }
        Ok(Found::Joined(Cow::Owned(joined)))
    }
}

impl Loaded {
    fn find(&mut self, record: &Value) -> Result<Option<Value>, ScratchFault> {
        self.asked += 1;
        self.on.look(record);
        let Some(key) = self.lookup.wanted(record) else { return Ok(None) };
        self.kinds[1].get_or_insert(key.kind());
        let found = self.table.find(key.text())?;
        self.found += usize::from(found.is_some());
        Ok(found)
    }

    /// Why a record was rejected.
    fn reason(&self, record: &Value) -> String {
        let Lookup { on, key, source, .. } = &self.lookup;
        match (self.lookup.wanted(record), on.of(record)) {
            (Some(wanted), _) => not_there(&wanted, key.as_ref().map(|key| key.as_str()), &source.title()),
            (None, None | Some(Value::Null)) => format!("The record has no `{on}`"),
            (None, Some(_)) => format!("The `{on}` of the record cannot be a key; a key is a text or a number"),
        }
    }
}

fn not_there(wanted: &LookupKey, key: Option<&str>, place: &str) -> String {
    match key {
        Some(key) => format!("No record with the `{key}` {wanted} is in {place}"),
        None => format!("No record with the key {wanted} is in {place}"),
    }
}

#[cfg(test)]
mod tests;
