//! Lookups: what a filter joins to each record before its criteria.

mod key;

use serde_json::Value;
use values::path::Path;

use super::selection::{Selection, select};
use crate::model::source::{Source, Types};

pub use key::Key;

/// Joins to each record the record that a collection, a file or an earlier line has under a key.
#[derive(Debug, Clone)]
pub struct Lookup {
    /// The field of the record that gets the record found, or null.
    pub name: String,
    /// Where to look: a collection, a file or a line.
    pub source: Source,
    /// The types of the fields of a file.
    pub types: Types,
    /// The field of a record that holds the key to look for.
    pub on: Path,
    /// The field that holds the key in the source; none for the key of the collection itself.
    pub key: Option<Path>,
    /// The fields that are joined; none for the whole record.
    pub fields: Option<Selection>,
    /// What happens to a record for which nothing is found.
    pub missing: Missing,
}

/// What happens to a record for which a lookup finds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It goes on with null.
    Keep,
    /// It leaves the set.
    Drop,
    /// It leaves the set with a reason.
    Reject,
}

impl Lookup {
    /// The key to look for. None where the field is missing, null, a list or an object.
    pub fn wanted(&self, record: &Value) -> Option<Key> {
        let value = self.on.of(record)?;
        if self.key.is_some() { Key::from_value(value) } else { Key::for_collection(value) }
    }

    /// The key of a record in the source; `own` is its key in the collection, if the source is one.
    /// None where the field is missing, null, a list or an object.
    pub fn key_of(&self, own: Option<&str>, record: &Value) -> Option<Key> {
        match &self.key {
            Some(path) => Key::from_value(path.of(record)?),
            None => own.map(Key::verbatim),
        }
    }

    /// The part of the record found that is joined.
    pub fn joined(&self, found: Value) -> Value {
        match &self.fields {
            Some(fields) => select(&found, fields),
            None => found,
        }
    }
}

#[cfg(test)]
mod tests;
