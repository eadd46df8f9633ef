//! The shape of a job's document, as the job schema says it.

use serde_json::{Map, Value};

use super::SCHEMA;
use crate::model::criteria::Reading;
use crate::model::fault::{Fault, element, field};
use crate::model::filter;

/// Words that a job does not know: those of a later version, and those of the file around it.
const NOT_HERE: [(&str, &str); 3] = [
    ("module", "this version keeps jobs outside of modules; take `module` out"),
    ("filterTemplates", "stand beside jobs in a file, and are saved for themselves; they are no part of a job"),
    ("jobs", "stand in a file, and are saved for themselves; they are no part of a job"),
];

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
