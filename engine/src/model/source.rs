//! Sources: where the records of a filter come from.

mod field_type;
mod file;
pub mod limits;
mod result;
mod time_format;
mod types;

use serde_json::Value;

use super::collection::check_name;
use super::record::Records;

pub use file::{Encoding, FileSource, Format};
pub use result::{LineRef, ResultSource, WhichResult};
pub use types::Types;

/// The fields of a source that do not say where its records come from.
const OPTIONS: [&str; 2] = ["types", "onBadRow"];

const NO_SOURCE: &str =
    "does not say where the records come from; add one of `inline`, `file`, `collection`, `line` and `result`";

/// The source of a rendered filter definition.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// Records in the definition itself.
    Inline(Records),
    /// A file of records.
    File(FileSource),
    /// A collection.
    Collection(CollectionSource),
    /// The records that a line of an earlier job result passed on.
    Result(ResultSource),
    /// The set that an earlier line of the same job result passed on.
    Line(LineRef),
}

/// A collection of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionSource {
    /// The name of the collection.
    pub name: String,
    /// The field that gets the key of each record and replaces a field of that name. In a record
    /// without the field, it comes first.
    pub key_as: Option<String>,
}

impl Source {
    /// Checks that a written source names exactly one place where its records come from.
    ///
    /// # Errors
    /// One sentence with what to write.
    pub fn check_kind(written: &Value) -> Result<(), String> {
        let names = written.as_object().into_iter().flat_map(|fields| fields.keys());
        let kinds: Vec<_> = names.filter(|name| !OPTIONS.contains(&name.as_str())).map(String::as_str).collect();
        match kinds.as_slice() {
            [] => Err(NO_SOURCE.to_owned()),
            [_] => Ok(()),
            several => Err(format!("names several sources ({}); keep one of them", several.join(", "))),
        }
    }

    /// Reads a source whose shape was checked.
    ///
    /// # Errors
    /// One sentence with what to write.
    pub fn read(value: &Value) -> Result<Self, String> {
        if let Some(records) = value.get("inline").and_then(Value::as_array) {
            return Ok(Self::Inline(records.clone()));
        }
        if let Some(line) = value.get("line").and_then(LineRef::read) {
            return Ok(Self::Line(line));
        }
        match (value.get("file"), value.get("collection")) {
            (Some(Value::String(path)), _) => FileSource::of_path(path).map(Self::File),
            (Some(file), _) => FileSource::read(file["path"].as_str().unwrap_or_default(), file).map(Self::File),
            (None, Some(collection)) => CollectionSource::read(collection).map(Self::Collection),
            (None, None) => match value.get("result") {
                Some(result) => ResultSource::read(result).map(Self::Result),
                None => Err(NO_SOURCE.to_owned()),
            },
        }
    }

    /// The source as messages name it.
    pub fn title(&self) -> String {
        match self {
            Self::Inline(_) => "the records in the definition".to_owned(),
            Self::File(file) => format!("the file `{}`", file.path),
            Self::Collection(collection) => format!("the collection `{}`", collection.name),
            Self::Result(result) => format!("a result of the job `{}`", result.job),
            Self::Line(line) => format!("the set of line `{line}`"),
        }
    }
}

impl CollectionSource {
    fn read(value: &Value) -> Result<Self, String> {
        let name = value.as_str().or(value["name"].as_str()).unwrap_or_default();
        check_name(name)?;
        Ok(Self { name: name.to_owned(), key_as: value["keyAs"].as_str().map(str::to_owned) })
    }

    /// The record as the filter sees it, with its key if the source asks for it.
    pub fn seen(&self, key: String, data: Value) -> Value {
        match (&self.key_as, data) {
            (Some(field), Value::Object(mut fields)) => {
                // A field that the record has already keeps its position.
                match fields.get_mut(field) {
                    Some(replaced) => *replaced = Value::String(key),
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_source_names_exactly_one_place() {
        assert_eq!(Source::check_kind(&json!({"file": "$<args.file>", "types": {}, "onBadRow": "reject"})), Ok(()));
        assert!(Source::check_kind(&json!({"types": {}})).unwrap_err().contains("add one of `inline`, `file`"));
        let several = Source::check_kind(&json!({"file": "a.csv", "inline": []})).unwrap_err();
        assert_eq!(several, "names several sources (file, inline); keep one of them");
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
        assert!(read(json!("Open Orders")).unwrap_err().contains("cannot be the name of a collection"));
    }
}
