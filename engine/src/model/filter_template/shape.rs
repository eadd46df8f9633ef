//! The shape of a filter template's document: its head, and the filter it stands for.

use serde_json::{Map, Value};

use super::SCHEMA;
use crate::model::criteria::Reading;
use crate::model::fault::Fault;
use crate::model::filter;
use crate::model::schema::faults_by;

/// The fields that describe the template itself. All others belong to its definition.
const HEAD: [&str; 4] = ["key", "name", "description", "values"];

/// Fields that lines or exports may have and templates may not, with what to do.
const NOT_ALLOWED: [(&str, &str); 3] = [
    ("script", "is not allowed in a filter template; write it in the lines that use the template"),
    ("template", "is not allowed in a filter template; a template cannot use another one"),
    ("organization", "is not allowed in a filter template; a template belongs to the organization that saves it"),
];

/// The faults of the shape of the head, and of the definition with its placeholders.
pub(super) fn faults(document: &Value) -> Vec<Fault> {
    let Some(fields) = document.as_object() else { return faults_by(&SCHEMA, document, "", Reading::Rendered) };
    let mut rest = fields.clone();
    let refused =
        NOT_ALLOWED.iter().filter_map(|(name, cure)| rest.shift_remove(*name).map(|_| Fault::at(*name, *cure)));
    let mut faults: Vec<_> = refused.collect();
    let (head, definition): (Map<_, _>, Map<_, _>) =
        rest.into_iter().partition(|(name, _)| HEAD.contains(&name.as_str()));
    faults.extend(faults_by(&SCHEMA, &Value::Object(head), "", Reading::Rendered));
    faults.extend(filter::faults_of_shape(&Value::Object(definition), ""));
    faults
}

/// The definition, which is the document without the head.
pub(super) fn definition(document: &Value) -> Value {
    let fields = document.as_object().into_iter().flatten();
    let of_definition = fields.filter(|(name, _)| !HEAD.contains(&name.as_str()));
    Value::Object(of_definition.map(|(name, value)| (name.clone(), value.clone())).collect())
}
