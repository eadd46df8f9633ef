//! The JSON Schema of a job, which the shapes of its parts come from.

use serde_json::Value;

/// The JSON Schema of a job.
pub fn job_schema() -> Value {
    serde_json::from_str(include_str!("job.schema.json")).unwrap_or_default()
}

/// Whether a job may have a field with this name.
pub fn is_field(name: &str) -> bool {
    job_schema()["properties"].get(name).is_some()
}
