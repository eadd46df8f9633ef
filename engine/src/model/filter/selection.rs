//! The fields that `select`, or the `fields` of a lookup, take from a record.

use serde_json::{Map, Value};
use values::path::Path;

/// The new name of each field, and the path that it is taken from.
pub type Selection = Vec<(String, Path)>;

/// The record with the selected fields only. A field that the record does not have is left out.
pub(super) fn select(record: &Value, fields: &[(String, Path)]) -> Value {
    let selected = fields.iter().filter_map(|(name, path)| Some((name.clone(), path.of(record)?.clone())));
    Value::Object(selected.collect::<Map<_, _>>())
}
