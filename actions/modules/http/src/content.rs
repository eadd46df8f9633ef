//! The bodies of requests.

use ropewalk_sdk::{Failure, Value, http};
use serde_json::Map;

use crate::fill::Fill;

/// What the body of a request is made from.
pub(crate) enum Content {
    Nothing,
    /// The records as they are: a list for a batch, or an object for a record.
    Records,
    /// The records in a field of an object.
    Within(Map<String, Value>, String),
    /// The same value in every request.
    Fixed(Value),
    /// A value that is made from each record.
    Made(Fill),
}

impl Content {
    /// Whether a request depends on the records.
    pub(crate) fn depends_on_records(&self) -> bool {
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

/// Adds the content to a request: a text as it is, any other value as JSON.
pub(crate) fn put(request: http::Request, content: Option<Value>) -> Result<http::Request, Failure> {
    match content {
        None => Ok(request),
        Some(Value::String(text)) if text.is_empty() => Ok(request),
        Some(Value::String(text)) => Ok(request.text(text)),
        Some(value) => request.json(&value),
    }
}
