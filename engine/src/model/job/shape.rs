//! The shape of a job's document, as the job schema describes it.

use serde_json::{Map, Value};

use super::SCHEMA;
use crate::model::criteria::Reading;
use crate::model::fault::{Fault, element, field};
use crate::model::filter;
use crate::model::schema::faults_by;

/// Fields whose values are patterns.
const PATTERNS: [&str; 4] = ["matches", "like", "ilike", "pattern"];

/// Fields that are planned for a later version or belong to the file around the job, with what to do.
const NOT_ALLOWED: [(&str, &str); 3] = [
    ("module", "this version cannot keep jobs in modules; remove `module`"),
    ("filterTemplates", "filter templates are not part of a job; save them separately"),
    ("jobs", "a job cannot contain other jobs; save each job separately"),
];

/// Lines of a job. The job schema has the same limit.
pub const MAX_LINES: usize = 1000;
/// Patterns of a job in all its criteria and schemas. Each takes about a millisecond to compile.
pub const MAX_PATTERNS: usize = 1000;

/// A fault if the job is too large to be checked. This is counted before anything else.
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

/// The faults of the shape of the job, and of each filter with its placeholders.
pub(super) fn faults(document: &Value) -> Vec<Fault> {
    let mut rest = document.clone();
    let mut faults = take_fields_not_allowed(&mut rest, "");
    for (index, line) in lines_mut(&mut rest).iter_mut().enumerate() {
        let path = element("lines", index);
        faults.extend(take_fields_not_allowed(line, &path));
        if let Some(definition) = line.get_mut("filter").filter(|definition| definition.is_object()) {
            let path = field(&path, "filter");
            faults.extend(take_fields_not_allowed(definition, &path));
            faults.extend(filter::faults_of_shape(definition, &path));
            *definition = Value::Object(Map::new());
        }
    }
    faults.extend(faults_by(&SCHEMA, &rest, "", Reading::Rendered));
    faults
}

fn lines_mut(document: &mut Value) -> &mut [Value] {
    document.get_mut("lines").and_then(Value::as_array_mut).map_or(&mut [], Vec::as_mut_slice)
}

/// Removes the fields that are not allowed and returns a fault for each.
fn take_fields_not_allowed(part: &mut Value, path: &str) -> Vec<Fault> {
    let Some(fields) = part.as_object_mut() else { return Vec::new() };
    let taken = NOT_ALLOWED
        .iter()
        .filter_map(|(name, cure)| fields.shift_remove(*name).map(|_| Fault::at(field(path, name), *cure)));
    taken.collect()
}
