//! The shape of a filter template's document: its head, and the filter it stands for.

use serde_json::{Map, Value};

use super::SCHEMA;
use crate::model::criteria::Reading;
use crate::model::fault::Fault;
use crate::model::filter;

/// What a template says of itself; all else is its definition.
const HEAD: [&str; 4] = ["key", "name", "description", "values"];

/// Words of lines that a template does not know.
const NOT_HERE: [(&str, &str); 3] = [
    ("script", "is not allowed in a filter template; write it in the lines that use the template"),
    ("template", "is not allowed in a filter template; one cannot use another"),
    ("organization", "is not part of a filter template; it belongs to whoever saves it"),
];

/// What the schemas say of the head, and of the definition with its placeholders.
pub(super) fn faults(document: &Value) -> Vec<Fault> {
    let schema = match SCHEMA.as_ref() {
        Ok(schema) => schema,
        Err(message) => return vec![Fault::at("", message.clone())],
    };
    let Some(fields) = document.as_object() else { return schema.faults(document, "", Reading::Rendered) };
    let mut rest = fields.clone();
    let refused = NOT_HERE.iter().filter_map(|(word, told)| rest.shift_remove(*word).map(|_| Fault::at(*word, *told)));
    let mut faults: Vec<_> = refused.collect();
    let (head, definition): (Map<_, _>, Map<_, _>) =
        rest.into_iter().partition(|(name, _)| HEAD.contains(&name.as_str()));
    faults.extend(schema.faults(&Value::Object(head), "", Reading::Rendered));
    faults.extend(filter::faults_of_shape(&Value::Object(definition), ""));
    faults
}

/// The definition in a document.
pub(super) fn definition(document: &Value) -> Value {
    let fields = document.as_object().into_iter().flatten();
    let of_definition = fields.filter(|(name, _)| !HEAD.contains(&name.as_str()));
    Value::Object(of_definition.map(|(name, value)| (name.clone(), value.clone())).collect())
}
