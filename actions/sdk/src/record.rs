//! One record. It stays JSON text until its value is needed.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Failure;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record(String);

impl Record {
    /// A record from a text that is known to be a JSON object.
    pub fn from_text(text: String) -> Record {
        Record(text)
    }

    /// The record as JSON text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The record as a value of any type. Fails if it does not fit the type.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_str(&self.0).map_err(|error| Failure::new(format!("A record cannot be read: {error}")))
    }

    /// The record as a JSON value.
    pub fn value(&self) -> Result<Value, Failure> {
        self.read()
    }

    /// A record from a value of any type that becomes a JSON object.
    pub fn write<T: Serialize + ?Sized>(record: &T) -> Result<Record, Failure> {
        let text = serde_json::to_string(record);
        text.map(Record).map_err(|error| Failure::new(format!("A record cannot be written: {error}")))
    }
}

impl From<Value> for Record {
    fn from(record: Value) -> Record {
        Record(record.to_string())
    }
}
