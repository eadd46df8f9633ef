//! Reads responses.

use ropewalk_sdk::http::Response;
use ropewalk_sdk::{Failure, Value};
use serde::Deserialize;
use values::json::{Bounds, parse};

/// What is done with a response.
#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Use {
    #[default]
    Ignore,
    Records,
    Field,
}

/// How a response is read.
pub(crate) struct Reading {
    pub(crate) used: Use,
    /// Name of the field for the response.
    pub(crate) field: String,
    /// The part of the response that is used; `None` for the whole response.
    pub(crate) pointer: Option<String>,
    /// Statuses that count as success; `None` for 200 to 299.
    pub(crate) expected: Option<Vec<u16>>,
}

impl Reading {
    pub(crate) fn accepts(&self, response: &Response) -> bool {
        match &self.expected {
            Some(expected) => expected.contains(&response.status),
            None => response.is_success(),
        }
    }

    /// The value for a field: what the pointer finds in JSON, or the text.
    pub(crate) fn value(&self, response: &Response) -> Result<Value, String> {
        let json = response.header("content-type").is_some_and(|kind| kind.contains("json")) || self.pointer.is_some();
        match (response.body.is_empty(), json) {
            (true, _) => Ok(Value::Null),
            (false, true) => self.select(response),
            (false, false) => text(response),
        }
    }

    /// The records of a response: a list of objects, or one object. An empty response has no records.
    pub(crate) fn records(&self, response: &Response) -> Result<Vec<Value>, String> {
        if response.body.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.select(response)?;
        let place = self.pointer.as_deref().map_or_else(String::new, |pointer| format!(" at `{pointer}`"));
        let no_records =
            |what: &str| Err(format!("The response from {} contains{place} {what}, not records", response.url));
        match found {
            Value::Array(list) => match list.iter().position(|element| !element.is_object()) {
                None => Ok(list),
                Some(at) => no_records(&format!("a list whose element {at} is not an object")),
            },
            Value::Object(_) => Ok(vec![found]),
            Value::Null => Ok(Vec::new()),
            Value::String(_) => no_records("a text"),
            _ => no_records("a single value"),
        }
    }

    fn select(&self, response: &Response) -> Result<Value, String> {
        let mut value = parse(&response.body, Bounds::default())
            .map_err(|fault| format!("The response from {} is not JSON: {fault}", response.url))?;
        let pointer = self.pointer.as_deref().unwrap_or_default();
        let found = value.pointer_mut(pointer).map(Value::take);
        found.ok_or_else(|| format!("The response from {} has nothing at `{pointer}`", response.url))
    }
}

/// Checks a JSON Pointer (RFC 6901) before anything is sent.
pub(crate) fn check_pointer(pointer: &str) -> Result<(), Failure> {
    if pointer.is_empty() || pointer.starts_with('/') {
        return Ok(());
    }
    Err(Failure::new(format!(
        "pointer: \"{pointer}\" is not a JSON Pointer; write it with slashes, such as /data/items"
    )))
}

fn text(response: &Response) -> Result<Value, String> {
    response.text().map(Value::from).map_err(|failure| failure.message)
}
