//! What a request carries.

use ropewalk_sdk::{Failure, Value, http};
use serde_json::Map;

use crate::fill::Fill;

/// What a request carries.
pub(crate) enum Content {
    Nothing,
    /// The records as they are: a list for a batch, an object for a record.
    Records,
    /// The records in a field of an object.
    Within(Map<String, Value>, String),
    /// The same in every request.
    Fixed(Value),
    /// Made of each record.
    Made(Fill),
}

impl Content {
    /// Whether a request depends on the records.
    pub(crate) fn holds_records(&self) -> bool {
        !matches!(self, Content::Nothing | Content::Fixed(_))
    }

    /// The content for a batch.
    pub(crate) fn of_batch(&self, records: &[Value]) -> Option<Value> {
        match self {
            Content::Nothing | Content::Made(_) => None,
            Content::Records => Some(Value::Array(records.to_vec())),
            Content::Within(around, name) => {
                let mut body = around.clone();
                body.insert(name.clone(), Value::Array(records.to_vec()));
                Some(Value::Object(body))
            }
            Content::Fixed(value) => Some(value.clone()),
        }
    }
}

/// The request with this content: a text as it is, anything else as JSON.
pub(crate) fn put(request: http::Request, content: Option<Value>) -> Result<http::Request, Failure> {
    match content {
        None => Ok(request),
        Some(Value::String(text)) if text.is_empty() => Ok(request),
        Some(Value::String(text)) => Ok(request.text(text)),
        Some(value) => request.json(&value),
    }
}
