//! Where a filter's records come from.

mod result;

use std::collections::BTreeMap;

use serde_json::Value;

use super::collection::check_name;
use super::record::Records;

pub use result::{LineRef, ResultSource, WhichResult};

/// A source, as a rendered filter definition names it.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// Records that stand in the definition.
    Inline(Records),
    /// A file of records.
    File(FileSource),
    /// A collection.
    Collection(CollectionSource),
    /// What a line of an earlier job result passed on.
    Result(ResultSource),
}

/// Records that are kept for the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionSource {
    /// Its name.
    pub name: String,
    /// The field in which each record shows its key, instead of what it has there. A record
    /// without the field shows it first.
    pub key_as: Option<String>,
}

/// A file of records.
#[derive(Debug, Clone, PartialEq)]
pub struct FileSource {
    /// Its path, as the job names it.
    pub path: String,
    /// How it is written.
    pub format: Format,
    /// JSON Pointer to the array of records; empty for the whole document.
    pub pointer: String,
    /// Types of CSV columns that are not text.
    pub columns: BTreeMap<String, ColumnType>,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values with a header row (RFC 4180).
    Csv,
    /// One JSON document.
    Json,
    /// One JSON object on each line.
    JsonLines,
}

/// What a CSV cell stands for. An empty cell of any of these is null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// The text itself, empty or not.
    Text,
    /// A JSON number.
    Number,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// Any JSON text.
    Json,
}

impl Source {
    /// Reads a source whose shape the job schema has already accepted.
    ///
    /// # Errors
    /// One sentence with the cure.
    pub fn read(value: &Value) -> Result<Self, String> {
        if let Some(records) = value.get("inline").and_then(Value::as_array) {
            return Ok(Self::Inline(records.clone()));
        }
        match (value.get("file"), value.get("collection")) {
            (Some(Value::String(path)), _) => FileSource::of_path(path).map(Self::File),
            (Some(file), _) => FileSource::read(file["path"].as_str().unwrap_or_default(), file).map(Self::File),
            (None, Some(collection)) => CollectionSource::read(collection).map(Self::Collection),
            (None, None) => match value.get("result") {
                Some(result) => ResultSource::read(result).map(Self::Result),
                None => Err("names no source; write inline, file, collection or result".to_owned()),
            },
        }
    }
}

impl CollectionSource {
    fn read(value: &Value) -> Result<Self, String> {
        let name = value.as_str().or(value["name"].as_str()).unwrap_or_default();
        check_name(name)?;
        Ok(Self { name: name.to_owned(), key_as: value["keyAs"].as_str().map(str::to_owned) })
    }

    /// The record as the filter sees it.
    pub fn seen(&self, key: String, data: Value) -> Value {
        match (&self.key_as, data) {
            (Some(field), Value::Object(mut fields)) => {
                // Where the record has the field already, it keeps its place.
                match fields.get_mut(field) {
                    Some(hidden) => *hidden = Value::String(key),
                    None => {
                        fields.shift_insert(0, field.clone(), Value::String(key));
                    }
                }
                Value::Object(fields)
            }
            (_, data) => data,
        }
    }
}

impl FileSource {
    /// The file at `path`, read as its ending says.
    ///
    /// # Errors
    /// One sentence if the ending says nothing.
    pub fn of_path(path: &str) -> Result<Self, String> {
        Self::read(path, &Value::Null)
    }

    fn read(path: &str, more: &Value) -> Result<Self, String> {
        let format = match more["format"].as_str() {
            Some(word) => Format::from_word(word),
            None => Format::of_ending(path),
        };
        let format = format.ok_or_else(|| {
            format!("the ending of `{path}` does not say how it is written; add format: csv, json or jsonl")
        })?;
        let pointer = more["pointer"].as_str().unwrap_or_default().to_owned();
        if !pointer.is_empty() && format != Format::Json {
            return Err("a pointer finds the array in a JSON file; this file is not one".to_owned());
        }
        let columns = more["columns"].as_object().into_iter().flatten();
        let columns =
            columns.filter_map(|(name, word)| Some((name.clone(), ColumnType::from_word(word.as_str()?)?))).collect();
        Ok(Self { path: path.to_owned(), format, pointer, columns })
    }
}

impl Format {
    fn from_word(word: &str) -> Option<Self> {
        match word {
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            "jsonl" => Some(Self::JsonLines),
            _ => None,
        }
    }

    /// By the ending of a file's name.
    pub fn of_ending(path: &str) -> Option<Self> {
        match path.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "json" | "geojson" => Some(Self::Json),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            _ => None,
        }
    }
}

impl ColumnType {
    fn from_word(word: &str) -> Option<Self> {
        match word {
            "text" => Some(Self::Text),
            "number" => Some(Self::Number),
            "integer" => Some(Self::Integer),
            "boolean" => Some(Self::Boolean),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_file_is_read_by_its_ending_unless_it_says_more() {
        let Source::File(file) = Source::read(&json!({"file": "a/b.NDJSON"})).unwrap() else { panic!("a file") };
        assert_eq!((file.path.as_str(), file.format), ("a/b.NDJSON", Format::JsonLines));
        let more = json!({"file": {"path": "x.dat", "format": "csv", "columns": {"n": "integer"}}});
        let Source::File(file) = Source::read(&more).unwrap() else { panic!("a file") };
        assert_eq!(file.columns["n"], ColumnType::Integer);
    }

    #[test]
    fn what_cannot_be_told_is_refused_with_the_cure() {
        assert!(Source::read(&json!({"file": "x.dat"})).unwrap_err().contains("add format"));
        let pointless = json!({"file": {"path": "x.csv", "pointer": "/a"}});
        assert!(Source::read(&pointless).unwrap_err().contains("not one"));
    }

    #[test]
    fn a_collection_is_named_and_may_show_its_keys() {
        let read = |value: Value| match Source::read(&json!({"collection": value})) {
            Ok(Source::Collection(collection)) => Ok(collection),
            Ok(_) => panic!("a collection"),
            Err(message) => Err(message),
        };
        let plain = read(json!("open-orders")).unwrap();
        assert_eq!(plain, CollectionSource { name: "open-orders".to_owned(), key_as: None });
        assert_eq!(plain.seen("k".into(), json!({"a": 1})), json!({"a": 1}));
        let keyed = read(json!({"name": "orders", "keyAs": "id"})).unwrap();
        let seen = keyed.seen("k".into(), json!({"a": 1, "id": 2, "b": 3}));
        assert_eq!(seen.to_string(), "{\"a\":1,\"id\":\"k\",\"b\":3}");
        let seen = keyed.seen("k".into(), json!({"a": 1, "b": 3}));
        assert_eq!(seen.to_string(), "{\"id\":\"k\",\"a\":1,\"b\":3}");
        assert!(read(json!("Open Orders")).unwrap_err().contains("cannot name a collection"));
    }
}
