//! The types of a source's fields, and what happens to records that do not fit.

use std::collections::HashSet;

use chrono_tz::Tz;
use serde_json::{Map, Value};

use super::field_type::FieldType;
use crate::model::criteria::Reading;
use crate::model::fault::{Fault, field};
use crate::model::template::holds_placeholder;

/// The types of the fields of a source, the same for every kind of source.
#[derive(Debug, Clone, Default)]
pub struct Types {
    /// Sorted by path, so that an object is converted before its fields.
    fields: Vec<(String, FieldType)>,
    rejects: bool,
}

/// A value that does not fit the type of its field.
#[derive(Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Path of the field.
    pub field: String,
    /// A sentence such as "`x` is not a whole number".
    pub message: String,
}

impl Types {
    /// Reads `types` and `onBadRow` of the source at `path`, and `columns` and `onBadRow` of its file.
    ///
    /// # Errors
    /// Every fault, with its path. With [`Reading::Written`], a type with placeholders is not checked yet.
    pub fn read(source: &Value, path: &str, reading: Reading) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let in_file = source.get("file").unwrap_or(&Value::Null);
        let place_in_file = field(path, "file");
        let mut one_of = |name: &str, name_in_file: &str| match (source.get(name), in_file.get(name_in_file)) {
            (Some(_), Some(_)) => {
                let message = format!("means the same as `{name_in_file}` in `file`; leave one of them out");
                faults.push(Fault::at(field(path, name), message));
                None
            }
            (Some(beside), None) => Some((beside, field(path, name))),
            (None, inside) => inside.map(|inside| (inside, field(&place_in_file, name_in_file))),
        };
        let rejects = one_of("onBadRow", "onBadRow").is_some_and(|(word, _)| word == "reject");
        let written = one_of("types", "columns");
        let mut fields = Vec::new();
        for (name, kind) in written.iter().flat_map(|(written, _)| written.as_object()).flatten() {
            if reading == Reading::Written && holds_placeholder(kind) {
                continue;
            }
            let place = || written.as_ref().map_or_else(String::new, |(_, place)| field(place, name));
            match FieldType::read(kind) {
                Ok(kind) => fields.push((name.clone(), kind)),
                Err(message) => faults.push(Fault::at(place(), message)),
            }
        }
        fields.sort_by(|(a, _), (b, _)| a.cmp(b));
        if faults.is_empty() { Ok(Self { fields, rejects }) } else { Err(faults) }
    }

    /// Whether no field has a type.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Whether a record that does not fit is rejected. Otherwise the line is in error.
    pub fn rejects(&self) -> bool {
        self.rejects
    }

    /// Converts the fields of a record to their types, with times in the zone of the job. A missing field
    /// stays missing.
    ///
    /// # Errors
    /// The first value that does not fit. The record is unchanged in this case.
    pub fn apply(&self, record: &mut Value, zone: Tz) -> Result<(), Misfit> {
        let mut replaced = Vec::new();
        for (path, kind) in &self.fields {
            let Some(value) = value_at(record, path) else { continue };
            match kind.convert(value, zone) {
                Ok(None) => {}
                Ok(Some(new)) => replaced.push((path, std::mem::replace(value, new))),
                Err(message) => {
                    for (path, old) in replaced.into_iter().rev() {
                        if let Some(value) = value_at(record, path) {
                            *value = old;
                        }
                    }
                    return Err(Misfit { field: path.clone(), message });
                }
            }
        }
        Ok(())
    }

    /// The first field with a type that a table with these columns cannot have.
    pub fn missing_in(&self, columns: &[String]) -> Option<&str> {
        let columns: HashSet<_> = columns.iter().map(String::as_str).collect();
        let is_in_a_column = |path: &str| {
            let before_dots = path.match_indices('.').map(|(dot, _)| &path[..dot]);
            before_dots.chain([path]).any(|name| columns.contains(name))
        };
        self.fields.iter().map(|(path, _)| path.as_str()).find(|path| !is_in_a_column(path))
    }
}

/// The value at the end of a path. As in criteria, the longest name that exists is taken first.
fn value_at<'a>(value: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    match value {
        value if path.is_empty() => Some(value),
        Value::Array(list) => {
            let (position, rest) = path.split_once('.').unwrap_or((path, ""));
            value_at(list.get_mut(position.parse::<usize>().ok()?)?, rest)
        }
        Value::Object(fields) => {
            let name = longest_name(fields, path)?;
            value_at(fields.get_mut(name)?, path[name.len()..].trim_start_matches('.'))
        }
        _ => None,
    }
}

fn longest_name<'p>(fields: &Map<String, Value>, path: &'p str) -> Option<&'p str> {
    let mut name = path;
    while !fields.contains_key(name) {
        name = &name[..name.rfind('.')?];
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn types(source: Value) -> Types {
        Types::read(&source, "f.source", Reading::Rendered).unwrap()
    }

    fn faults(source: Value) -> Vec<String> {
        let faults = Types::read(&source, "f.source", Reading::Written).unwrap_err();
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn fields_are_found_at_any_depth_and_missing_ones_stay_missing() {
        let types = types(json!({"types": {
            "a.n": "integer", "l.1": "number", "No.": "integer", "x.y": "integer", "gone": "integer",
            "data": "json", "data.on": {"date": "%d/%m/%Y"},
        }}));
        let mut record = json!({
            "a": {"n": "1"}, "l": ["1", "2"], "No.": "3", "x.y": "4", "x": {"y": "5"}, "data": "{\"on\": \"20/11/2026\"}",
        });
        types.apply(&mut record, Tz::UTC).unwrap();
        let expected = json!({
            "a": {"n": 1}, "l": ["1", 2], "No.": 3, "x.y": 4, "x": {"y": "5"}, "data": {"on": "2026-11-20"},
        });
        assert_eq!(record, expected);
    }

    #[test]
    fn a_record_that_does_not_fit_stays_as_it_was() {
        let types = types(json!({"types": {"a": "integer", "b": "json", "b.c": "integer", "z": "boolean"}}));
        let record = json!({"a": "1", "b": "{\"c\": \"2\"}", "z": "yes"});
        let mut tried = record.clone();
        let misfit = types.apply(&mut tried, Tz::UTC).unwrap_err();
        assert_eq!((misfit.field.as_str(), misfit.message.as_str()), ("z", "`yes` is not true or false"));
        assert_eq!(tried, record);
    }

    #[test]
    fn types_beside_the_source_and_in_its_file_are_the_same() {
        for source in [
            json!({"file": "a.csv", "types": {"n": "integer"}, "onBadRow": "reject"}),
            json!({"file": {"path": "a.csv", "columns": {"n": "integer"}, "onBadRow": "reject"}}),
        ] {
            let types = types(source);
            assert!(types.rejects() && types.missing_in(&["m".to_owned()]) == Some("n"));
        }
        let both =
            json!({"file": {"path": "a", "columns": {}, "onBadRow": "error"}, "types": {}, "onBadRow": "reject"});
        assert_eq!(
            faults(both),
            [
                "f.source.onBadRow: means the same as `onBadRow` in `file`; leave one of them out",
                "f.source.types: means the same as `columns` in `file`; leave one of them out",
            ]
        );
    }

    #[test]
    fn wrong_formats_are_faults_at_their_place_and_placeholders_are_not_judged() {
        let written = json!({"types": {"a": {"date": "%d/%m"}, "b": {"instant": "$<args.format>"}}});
        let messages = faults(written);
        assert!(
            messages.len() == 1 && messages[0].starts_with("f.source.types.a: `%d/%m` does not determine"),
            "{messages:?}"
        );
        let messages = faults(json!({"file": {"path": "a.csv", "columns": {"c": {"date": "%Q"}}}}));
        assert!(messages[0].starts_with("f.source.file.columns.c: "), "{messages:?}");
    }

    #[test]
    fn a_path_into_a_column_needs_the_column() {
        let types = types(json!({"types": {"data.when": "json"}}));
        assert_eq!(types.missing_in(&["data".to_owned()]), None);
        assert_eq!(types.missing_in(&["dat".to_owned()]), Some("data.when"));
    }
}
