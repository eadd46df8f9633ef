//! Records on their way in and out: JSON text until somebody needs them as values.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Failure;

/// An ordered set of records.
#[derive(Clone, Debug)]
pub struct Records(String);

impl Records {
    /// The records as JSON text: an array of objects.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The records of a text that is known to be a JSON array of objects.
    pub fn from_text(text: String) -> Records {
        Records(text)
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }

    /// The records as values, or as a type of one's own. Fails when they do not fit it.
    pub fn read<T: DeserializeOwned>(&self) -> Result<Vec<T>, Failure> {
        serde_json::from_str(&self.0).map_err(|error| Failure::new(format!("The records cannot be read: {error}")))
    }

    /// The records as JSON values.
    pub fn values(&self) -> Result<Vec<Value>, Failure> {
        self.read()
    }

    /// Records from values of any type that JSON can hold.
    pub fn write<T: Serialize>(records: &[T]) -> Result<Records, Failure> {
        serde_json::to_string(records)
            .map(Records)
            .map_err(|error| Failure::new(format!("The records cannot be written: {error}")))
    }
}

impl From<Vec<Value>> for Records {
    fn from(records: Vec<Value>) -> Records {
        Records(Value::Array(records).to_string())
    }
}
