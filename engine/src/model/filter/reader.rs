//! Reads a filter definition, written or rendered, and collects every fault with its path.

mod lookup;

use chrono_tz::Tz;
use serde_json::{Value, json};
use values::order::Key;
use values::path::Path;

use super::distinct::Distinct;
use super::{Filter, Selection, SortKey};
use crate::model::criteria::{self, Criteria, Reading};
use crate::model::fault::{Fault, element, field};
use crate::model::schema::integer;
use crate::model::source::{Source, Types};
use crate::model::template::holds_placeholder;
use crate::model::wall::Zone;

/// Reads one definition. Each part that cannot be read adds its faults and is replaced by a default.
pub(super) struct Reader<'a> {
    reading: Reading,
    path: &'a str,
    zone: Tz,
    faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(reading: Reading, path: &'a str, zone: Tz) -> Self {
        Self { reading, path, zone, faults: Vec::new() }
    }

    pub(super) fn filter(mut self, definition: &Value) -> Result<Filter, Vec<Fault>> {
        let filter = Filter {
            source: self.source_of(definition),
            types: self.types(definition),
            lookups: self.lookups(definition),
            criteria: self.criteria(definition),
            has_script: definition.get("script").is_some(),
            order_by: self.order_by(definition),
            distinct: self.distinct(definition),
            offset: self.count(definition, "offset").unwrap_or(0),
            limit: self.count(definition, "limit"),
            select: self.selection(definition, "select"),
        };
        if self.faults.is_empty() { Ok(filter) } else { Err(self.faults) }
    }

    fn fault(&mut self, name: &str, message: impl Into<String>) {
        self.faults.push(Fault::at(field(self.path, name), message));
    }

    fn source_of(&mut self, definition: &Value) -> Option<Source> {
        let source = definition.get("source")?;
        if let Err(message) = Source::check_kind(source) {
            self.fault("source", message);
            return None;
        }
        self.source(source, "source")
    }

    /// Reads a source, which is the value of the field `name`.
    fn source(&mut self, source: &Value, name: &str) -> Option<Source> {
        // The kind of a file, for example, is not known until its path is rendered.
        if self.reading == Reading::Written && holds_placeholder(source) {
            if source.get("line").is_some() {
                self.fault(name, "the name of a line must not be a placeholder; write the name itself");
            }
            return None;
        }
        Source::read(source).map_err(|message| self.fault(name, message)).ok()
    }

    fn types(&mut self, definition: &Value) -> Types {
        let Some(source) = definition.get("source") else { return Types::default() };
        Types::read(source, &field(self.path, "source"), self.reading).unwrap_or_else(|faults| {
            self.faults.extend(faults);
            Types::default()
        })
    }

    fn criteria(&mut self, definition: &Value) -> Criteria {
        let Some(written) = definition.get("where") else { return Criteria::All(Vec::new()) };
        criteria::parse(written, &field(self.path, "where"), self.reading, self.zone).unwrap_or_else(|faults| {
            self.faults.extend(faults);
            Criteria::All(Vec::new())
        })
    }

    fn order_by(&mut self, definition: &Value) -> Vec<SortKey> {
        if let Some(written) = definition.get("orderBy").and_then(Value::as_str).filter(|text| text.contains(',')) {
            let list: Vec<_> = written.split(',').map(str::trim).collect();
            self.fault("orderBy", format!("\"{written}\" is one text; write a list, {}", json!(list)));
            return Vec::new();
        }
        let (names, zone) = (self.names(definition, "orderBy"), Zone(self.zone));
        names
            .into_iter()
            .filter_map(|(path, name)| {
                Key::parse_in(&name, zone).map_err(|error| self.faults.push(Fault::at(path, error.to_string()))).ok()
            })
            .collect()
    }

    fn distinct(&mut self, definition: &Value) -> Option<Distinct> {
        match definition.get("distinct")? {
            Value::Bool(wanted) => wanted.then_some(Distinct::Whole),
            _ => Some(Distinct::By(self.paths(definition, "distinct").into_iter().map(|(_, path)| path).collect())),
        }
    }

    /// Reads a selection: a list of fields, or an object from new names to fields.
    fn selection(&mut self, definition: &Value, name: &str) -> Option<Selection> {
        match definition.get(name)? {
            Value::Object(fields) => {
                let place = field(self.path, name);
                let renamed = fields.iter().filter_map(|(name, path)| {
                    Some((name.clone(), self.parse_path(field(&place, name), path.as_str()?)?))
                });
                Some(renamed.collect())
            }
            _ => Some(self.paths(definition, name)),
        }
    }

    fn paths(&mut self, definition: &Value, name: &str) -> Selection {
        let names = self.names(definition, name);
        names.into_iter().filter_map(|(place, name)| Some((name.clone(), self.parse_path(place, &name)?))).collect()
    }

    fn parse_path(&mut self, place: String, name: &str) -> Option<Path> {
        Path::parse(name).map_err(|error| self.faults.push(Fault::at(place, error.to_string()))).ok()
    }

    /// One text or a list of texts, each with its path in the document.
    fn names(&self, definition: &Value, name: &str) -> Vec<(String, String)> {
        let place = field(self.path, name);
        match definition.get(name) {
            Some(Value::String(text)) => vec![(place, text.clone())],
            Some(Value::Array(texts)) => {
                let texts = texts.iter().enumerate();
                texts.filter_map(|(index, text)| Some((element(&place, index), text.as_str()?.to_owned()))).collect()
            }
            _ => Vec::new(),
        }
    }

    fn count(&mut self, definition: &Value, name: &str) -> Option<usize> {
        match definition.get(name)? {
            number @ Value::Number(_) => integer(number),
            _ if self.reading == Reading::Written => None,
            other => {
                self.fault(name, format!("{other} is not an integer"));
                None
            }
        }
    }
}
