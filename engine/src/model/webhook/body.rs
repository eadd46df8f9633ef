//! Reads the body of a message to a webhook.

use serde_json::{Map, Value};
use values::json::{Bounds, parse};

use super::PayloadKind;

/// The arguments and records of a start by webhook.
#[derive(Debug, Clone, PartialEq)]
pub struct Brought {
    /// The arguments.
    pub arguments: Map<String, Value>,
    /// The set of the first line.
    pub records: Option<Vec<Value>>,
}

impl PayloadKind {
    /// Reads a body. For records it is an array of objects, one object, or empty for no records. For
    /// arguments it is an object, or empty for no arguments.
    ///
    /// # Errors
    /// One sentence if the body is not strict JSON or has another shape.
    pub fn read(self, body: &[u8]) -> Result<Brought, String> {
        if body.is_empty() {
            return Ok(self.brought(Vec::new(), Map::new()));
        }
        let bounds = Bounds { bytes: body.len(), ..Bounds::default() };
        match (self, parse(body, bounds)) {
            (Self::Records, Ok(Value::Array(records))) => Ok(self.brought(records, Map::new())),
            (Self::Records, Ok(record @ Value::Object(_))) => Ok(self.brought(vec![record], Map::new())),
            (Self::Arguments, Ok(Value::Object(arguments))) => Ok(self.brought(Vec::new(), arguments)),
            (Self::Records, Ok(_)) => {
                Err("This webhook takes records: send a JSON array of objects, one object, or an empty body."
                    .to_owned())
            }
            (Self::Arguments, Ok(_)) => {
                Err("This webhook takes arguments: send a JSON object, or an empty body.".to_owned())
            }
            (_, Err(fault)) => Err(format!("The body cannot be read as JSON: {fault}.")),
        }
    }

    fn brought(self, records: Vec<Value>, arguments: Map<String, Value>) -> Brought {
        Brought { arguments, records: (self == Self::Records).then_some(records) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn records(body: &str) -> Option<Vec<Value>> {
        let brought = PayloadKind::Records.read(body.as_bytes()).unwrap();
        assert!(brought.arguments.is_empty());
        brought.records
    }

    #[test]
    fn records_are_an_array_or_one_object_or_nothing() {
        assert_eq!(records(r#"[{"n": 1}, {"n": 2}]"#), Some(vec![json!({"n": 1}), json!({"n": 2})]));
        assert_eq!(records(r#"{"n": 1}"#), Some(vec![json!({"n": 1})]));
        assert_eq!((records(""), records("[]")), (Some(vec![]), Some(vec![])));
    }

    #[test]
    fn arguments_are_an_object_or_nothing() {
        let read = |body: &str| PayloadKind::Arguments.read(body.as_bytes()).unwrap();
        assert_eq!(read(r#"{"top": 3}"#).arguments["top"], 3);
        assert_eq!(read(""), Brought { arguments: Map::new(), records: None });
    }

    #[test]
    fn anything_else_is_refused() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        for body in ["7", "null", "\"x\"", "{", " ", "{\"a\":1,\"a\":2}", "[{}] x", deep.as_str()] {
            for takes in PayloadKind::ALL {
                assert!(takes.read(body.as_bytes()).is_err(), "{} {body:.20}", takes.word());
            }
        }
        assert!(PayloadKind::Arguments.read(b"[{}]").is_err());
    }
}
