//! Reads the lookups of a filter definition.

use serde_json::{Value, json};
use values::path::Path;

use super::Reader;
use crate::model::fault::{Fault, field};
use crate::model::filter::lookup::{Lookup, Missing};
use crate::model::source::{Source, Types};

/// The fields that say where a lookup looks.
const SOURCES: [&str; 3] = ["collection", "file", "line"];
/// Bytes of the name of a lookup, which is also the name of a field.
const LONGEST_NAME: usize = 100;

impl Reader<'_> {
    pub(super) fn lookups(&mut self, definition: &Value) -> Vec<Lookup> {
        let parent = field(self.path, "lookup");
        let mut lookups = Vec::new();
        for (name, written) in definition.get("lookup").and_then(Value::as_object).into_iter().flatten() {
            let path = field(&parent, name);
            let mut reader = Reader::new(self.reading, &path, self.zone);
            lookups.extend(reader.lookup(name, written));
            self.faults.append(&mut reader.faults);
        }
        lookups
    }

    fn lookup(&mut self, name: &str, written: &Value) -> Option<Lookup> {
        if name.is_empty() || name.len() > LONGEST_NAME || name.contains('.') {
            let message = format!("`{name}` cannot be the name of a field; use 1 to {LONGEST_NAME} bytes and no dots");
            self.faults.push(Fault::at(self.path, message));
        }
        let source = self.lookup_source(written);
        let types = Types::read(written, self.path, self.reading).unwrap_or_else(|faults| {
            self.faults.extend(faults);
            Types::default()
        });
        let (on, key) = (self.single_path(written, "on"), self.single_path(written, "key"));
        let fields = self.selection(written, "fields");
        let missing = match written["missing"].as_str() {
            Some("drop") => Missing::Drop,
            Some("reject") => Missing::Reject,
            _ => Missing::Keep,
        };
        Some(Lookup { name: name.to_owned(), source: source?, types, on: on?, key, fields, missing })
    }

    fn lookup_source(&mut self, written: &Value) -> Option<Source> {
        let named: Vec<_> = SOURCES.into_iter().filter(|word| written.get(word).is_some()).collect();
        let [word] = named[..] else {
            let message = match named.len() {
                0 => "does not say where to look; write `collection`, `file` or `line`",
                _ => "names more than one place to look; keep one of `collection`, `file` and `line`",
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
        self.parse_path(place, written.get(name)?.as_str()?)
    }
}
