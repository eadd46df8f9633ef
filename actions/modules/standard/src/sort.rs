//! `sort`: sorts the records.

use ropewalk_sdk::{Action, Context, Failure, Intake, Outcome, Records, Value, json};
use serde::Deserialize;
use values::order::{self, Key};

use crate::phrase;

#[derive(Deserialize)]
pub struct Parameters {
    #[serde(deserialize_with = "phrase::names")]
    by: Vec<String>,
}

pub struct Sort {
    keys: Vec<Key>,
}

impl Action for Sort {
    const NAME: &'static str = "sort";
    const TITLE: &'static str = "Sort";
    const SUMMARY: &'static str = "Sorts the records. Records that are equal keep their order.";
    const INTAKE: Intake = Intake::Whole;
    type Parameters = Parameters;

    fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["by"],
            "additionalProperties": false,
            "properties": { "by": phrase::keys_schema() }
        })
    }

    fn open(parameters: Parameters, _: &Context) -> Result<Sort, Failure> {
        Ok(Sort { keys: phrase::keys(&parameters.by)? })
    }

    fn take(&mut self, records: Records) -> Result<Outcome, Failure> {
        let mut records = records.values()?;
        order::sort(&mut records, &self.keys);
        let message = format!("Sorted {} by {}.", phrase::records(records.len()), phrase::order(&self.keys));
        Ok(Outcome::of(records).saying(message))
    }
}

#[cfg(test)]
mod tests {
    use ropewalk_sdk::testing::run;

    use super::*;

    #[test]
    fn sorts() {
        let records = json!([{"r": 1, "t": "b"}, {"r": 2, "t": "a"}, {"t": "z"}, {"r": 2, "t": "A"}]);
        let report = run::<Sort>(json!({"by": ["-r", "t"]}), &[records]).expect("runs");
        assert_eq!(report.records, json!([{"r": 2, "t": "A"}, {"r": 2, "t": "a"}, {"r": 1, "t": "b"}, {"t": "z"}]));
        assert_eq!(report.message(), "Sorted 4 records by r (descending), then t.");
        let one = run::<Sort>(json!({"by": ["-rating"]}), &[json!([{}])]).expect("runs");
        assert_eq!(one.message(), "Sorted 1 record by rating, descending.");
        let alone = run::<Sort>(json!({"by": "-r"}), &[json!([{"r": 1}, {"r": 2}])]).expect("runs");
        assert_eq!(alone.records, json!([{"r": 2}, {"r": 1}]));
    }

    #[test]
    fn refuses_an_empty_path() {
        let failure = run::<Sort>(json!({"by": ["a", "-"]}), &[]).expect_err("refused");
        assert!(failure.message.starts_with("by[1]: "), "{failure}");
    }
}
