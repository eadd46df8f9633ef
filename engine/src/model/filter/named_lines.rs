//! The lines whose sets a filter definition reads.

use serde_json::Value;

use crate::model::fault::field;
use crate::model::source::LineRef;

/// The lines whose sets a definition reads, in its source and its lookups, each with the path of
/// the value that names it.
pub fn lines_named(definition: &Value, path: &str) -> Vec<(String, LineRef)> {
    let lookups = definition["lookup"].as_object().into_iter().flatten();
    let of_lookups = lookups.map(|(name, lookup)| (field(&field(path, "lookup"), name), lookup));
    let all = definition.get("source").map(|source| (field(path, "source"), source)).into_iter().chain(of_lookups);
    all.filter_map(|(path, source)| Some((field(&path, "line"), LineRef::read(source.get("line")?)?))).collect()
}
