//! Sets of records. They stay JSON text until their values are needed.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Failure, Rejection};

/// An ordered set of records.
#[derive(Clone, Debug)]
pub struct Records(String);

impl Records {
    /// The records as JSON text, an array of objects.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Records from a text that is known to be a JSON array of objects.
    pub fn from_text(text: String) -> Records {
        Records(text)
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }

    /// The records as values of any type. Fails if one does not fit the type, and names the first
    /// that does not.
    pub fn read<T: DeserializeOwned>(&self) -> Result<Vec<T>, Failure> {
        serde_json::from_str(&self.0).map_err(|error| {
            let (_, unfit) = self.fitting::<T>().unwrap_or_default();
            Failure::new(match unfit.first() {
                Some(first) => format!("The record at position {} cannot be read: {}", first.index, first.reason),
                None => format!("The records cannot be read: {error}"),
            })
        })
    }

    /// The records that fit a type, and a rejection for each that does not.
    pub fn fitting<T: DeserializeOwned>(&self) -> Result<(Vec<T>, Vec<Rejection>), Failure> {
        if let Ok(all) = serde_json::from_str(&self.0) {
            return Ok((all, Vec::new()));
        }
        let (mut fitting, mut rejected) = (Vec::new(), Vec::new());
        let values: Vec<Value> = serde_json::from_str(&self.0)
            .map_err(|error| Failure::new(format!("The records cannot be read: {error}")))?;
        for (index, value) in values.into_iter().enumerate() {
            match serde_json::from_value(value) {
                Ok(record) => fitting.push(record),
                Err(error) => rejected.push(Rejection { index: index as u32, reason: error.to_string() }),
            }
        }
        Ok((fitting, rejected))
    }

    /// The records as JSON values.
    pub fn values(&self) -> Result<Vec<Value>, Failure> {
        self.read()
    }

    /// Records from values of any type that becomes a JSON object.
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

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize, Serialize, PartialEq)]
    struct Order {
        id: u32,
    }

    #[test]
    fn typed_records_go_in_and_out() {
        let records = Records::write(&[Order { id: 1 }, Order { id: 2 }]).expect("JSON");
        assert_eq!(records.text(), r#"[{"id":1},{"id":2}]"#);
        assert_eq!(records.read::<Order>().expect("orders"), [Order { id: 1 }, Order { id: 2 }]);
    }

    #[test]
    fn the_record_that_does_not_fit_is_named() {
        let records = Records::from(vec![json!({"id": 1}), json!({"id": "2"})]);
        let failure = records.read::<Order>().expect_err("unfit");
        assert_eq!(
            failure.message,
            "The record at position 1 cannot be read: invalid type: string \"2\", expected u32"
        );
        let (orders, rejected) = records.fitting::<Order>().expect("JSON");
        assert_eq!((orders, rejected[0].index), (vec![Order { id: 1 }], 1));
        let broken = Records::from_text("[{".to_owned());
        assert!(broken.read::<Order>().expect_err("no JSON").message.starts_with("The records cannot be read"));
    }
}
