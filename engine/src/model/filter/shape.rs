//! The shape of a filter definition, as the job schema describes it.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::model::criteria::Reading;
use crate::model::fault::Fault;
use crate::model::job_schema::job_schema;
use crate::model::schema::{Schema, faults_by};

static SCHEMA: LazyLock<Result<Schema, String>> = LazyLock::new(|| {
    let definitions = job_schema()["$defs"].take();
    Schema::compile(&json!({"$ref": "#/$defs/filter", "$defs": definitions}))
});

/// Every fault of the shape of a definition whose placeholders are not rendered yet.
pub fn faults_of_shape(written: &Value, path: &str) -> Vec<Fault> {
    faults(written, path, Reading::Written)
}

/// Every fault of the shape of a definition.
pub(super) fn faults(definition: &Value, path: &str, reading: Reading) -> Vec<Fault> {
    faults_by(&SCHEMA, definition, path, reading)
}
