//! The shape of a job's document, as the job schema says it.

use serde_json::{Map, Value};

use super::SCHEMA;
use crate::model::criteria::Reading;
use crate::model::fault::{Fault, element, field};
use crate::model::filter;

/// Fields whose values are patterns.
const PATTERNS: [&str; 4] = ["matches", "like", "ilike", "pattern"];

/// Words that a job does not know: those of a later version, and those of the file around it.
const NOT_HERE: [(&str, &str); 3] = [
    ("module", "this version keeps jobs outside of modules; take `module` out"),
    ("filterTemplates", "stand beside jobs in a file, and are saved for themselves; they are no part of a job"),
    ("jobs", "stand in a file, and are saved for themselves; they are no part of a job"),
];

/// How many lines a job may have; the job schema says it too.
pub const MAX_LINES: usize = 1000;
/// How many patterns a job may have in all its criteria and schemas. Each takes about a millisecond to compile.
pub const MAX_PATTERNS: usize = 1000;

/// What makes a job too costly to look at. It is counted before anything else is done.
pub(super) fn excess(document: &Value) -> Option<Fault> {
    let lines = document["lines"].as_array().map_or(0, Vec::len);
    if lines > MAX_LINES {
        return Some(Fault::at("lines", format!("has {lines} lines; a job may have at most {MAX_LINES}")));
    }
    let (mut patterns, mut left) = (0, vec![document]);
    while let Some(part) = left.pop() {
        match part {
            Value::Object(fields) => {
                patterns += fields.keys().filter(|name| PATTERNS.contains(&name.as_str())).count();
                patterns += fields.get("patternProperties").and_then(Value::as_object).map_or(0, Map::len);
                left.extend(fields.values());
            }
            Value::Array(all) => left.extend(all),
            _ => {}
        }
    }
    (patterns > MAX_PATTERNS).then(|| {
        Fault::at("", format!("has {patterns} patterns; a job may have at most {MAX_PATTERNS} in all its lines"))
    })
}

/// What the schema says of the whole, and of each filter with its placeholders.
pub(super) fn faults(document: &Value) -> Vec<Fault> {
    let schema = match SCHEMA.as_ref() {
        Ok(schema) => schema,
        Err(message) => return vec![Fault::at("", message.clone())],
    };
    let mut rest = document.clone();
    let mut faults = take_words_of_elsewhere(&mut rest, "");
    for (index, line) in lines_mut(&mut rest).iter_mut().enumerate() {
        let path = element("lines", index);
        faults.extend(take_words_of_elsewhere(line, &path));
        if let Some(definition) = line.get_mut("filter").filter(|definition| definition.is_object()) {
            let path = field(&path, "filter");
            faults.extend(take_words_of_elsewhere(definition, &path));
            faults.extend(filter::faults_of_shape(definition, &path));
            *definition = Value::Object(Map::new());
        }
    }
    faults.extend(schema.faults(&rest, "", Reading::Rendered));
    faults
}

fn lines_mut(document: &mut Value) -> &mut [Value] {
    document.get_mut("lines").and_then(Value::as_array_mut).map_or(&mut [], Vec::as_mut_slice)
}

fn take_words_of_elsewhere(part: &mut Value, path: &str) -> Vec<Fault> {
    let Some(fields) = part.as_object_mut() else { return Vec::new() };
    let taken = NOT_HERE
        .iter()
        .filter_map(|(word, cure)| fields.shift_remove(*word).map(|_| Fault::at(field(path, word), *cure)));
    taken.collect()
}
