//! Lookups: what a filter joins to each record before its criteria.

mod key;

use serde_json::{Value, json};
use values::path::Path;

use super::{Reader, select};
use crate::model::fault::{Fault, field};
use crate::model::source::{Source, Types};

pub use key::Key;

/// The fields that say where a lookup looks.
const SOURCES: [&str; 3] = ["collection", "file", "line"];
const LONGEST_NAME: usize = 100;

/// Joins to each record the one that a collection, a file or an earlier line has under a key.
#[derive(Debug, Clone)]
pub struct Lookup {
    /// The field in which a record gets what was found, or null.
    pub name: String,
    /// Where to look: a collection, a file or a line.
    pub source: Source,
    /// The types of the fields of a file.
    pub types: Types,
    /// The field of a record that holds the key to look for.
    pub on: Path,
    /// The field that holds the key in the source; none for the key of a collection itself.
    pub key: Option<Path>,
    /// The fields that are joined; none for the whole record.
    pub fields: Option<Vec<(String, Path)>>,
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
    /// The key that a record looks for. None where the field is missing, null, a list or an object.
    pub fn wanted(&self, record: &Value) -> Option<Key> {
        let value = self.on.of(record)?;
        if self.key.is_some() { Key::of(value) } else { Key::of_collection(value) }
    }

    /// The key of a record in the source, which a collection keeps under the key `own`. None
    /// where the field is missing, null, a list or an object.
    pub fn key_of(&self, own: Option<&str>, record: &Value) -> Option<Key> {
        match &self.key {
            Some(path) => Key::of(path.of(record)?),
            None => own.map(Key::of_text),
        }
    }

    /// What is joined of a record that was found.
    pub fn joined(&self, found: Value) -> Value {
        match &self.fields {
            Some(fields) => select(&found, fields),
            None => found,
        }
    }
}

impl Reader<'_> {
    pub(super) fn lookups(&mut self, definition: &Value) -> Vec<Lookup> {
        let place = field(self.path, "lookup");
        let mut lookups = Vec::new();
        for (name, written) in definition.get("lookup").and_then(Value::as_object).into_iter().flatten() {
            let place = field(&place, name);
            let mut reader = Reader::new(self.reading, &place, self.zone);
            lookups.extend(reader.lookup(name, written));
            self.faults.append(&mut reader.faults);
        }
        lookups
    }

    fn lookup(&mut self, name: &str, written: &Value) -> Option<Lookup> {
        if name.is_empty() || name.len() > LONGEST_NAME || name.contains('.') {
            let message = format!("`{name}` cannot name a field; write 1 to {LONGEST_NAME} bytes without dots");
            self.faults.push(Fault::at(self.path, message));
        }
        let source = self.looked_up(written);
        let types = Types::read(written, self.path, self.reading).unwrap_or_else(|faults| {
            self.faults.extend(faults);
            Types::default()
        });
        let (on, key) = (self.single_path(written, "on"), self.single_path(written, "key"));
        let fields = self.fields(written, "fields");
        let missing = match written["missing"].as_str() {
            Some("drop") => Missing::Drop,
            Some("reject") => Missing::Reject,
            _ => Missing::Keep,
        };
        Some(Lookup { name: name.to_owned(), source: source?, types, on: on?, key, fields, missing })
    }

    fn looked_up(&mut self, written: &Value) -> Option<Source> {
        let named: Vec<_> = SOURCES.into_iter().filter(|word| written.get(word).is_some()).collect();
        let [word] = named[..] else {
            let message = match named.len() {
                0 => "does not say where to look; write `collection`, `file` or `line`",
                _ => "says more than one place to look; keep one of `collection`, `file` and `line`",
            };
            self.faults.push(Fault::at(self.path, message));
            return None;
        };
        if word != "collection" && written.get("key").is_none() {
            self.fault("key", format!("is missing; name the field that holds the key in the {word}"));
        }
        self.source(&json!({ word: written[word] }), word)
    }

    fn single_path(&mut self, written: &Value, name: &str) -> Option<Path> {
        let place = field(self.path, name);
        self.path_of(place, written.get(name)?.as_str()?)
    }
}

#[cfg(test)]
mod tests;
