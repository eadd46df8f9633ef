//! `top`: sorts the records and keeps the first ones.

use ropewalk_sdk::{Action, Context, Failure, Intake, Outcome, Records, Value, json};
use serde::Deserialize;
use values::order::{self, Key};

use crate::phrase;

#[derive(Deserialize)]
pub struct Parameters {
    #[serde(deserialize_with = "phrase::names")]
    by: Vec<String>,
    count: usize,
}

pub struct Top {
    keys: Vec<Key>,
    count: usize,
}

impl Action for Top {
    const NAME: &'static str = "top";
    const TITLE: &'static str = "Top";
    const SUMMARY: &'static str = "Sorts the records and keeps the first ones.";
    const INTAKE: Intake = Intake::Whole;
    type Parameters = Parameters;

    fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["by", "count"],
            "additionalProperties": false,
            "properties": {
                "by": phrase::keys_schema(),
                "count": {
                    "type": "integer",
                    "minimum": 0,
                    "title": "Count",
                    "description": "How many records are kept.",
                    "examples": [10]
                }
            }
        })
    }

    fn open(parameters: Parameters, _: &Context) -> Result<Top, Failure> {
        Ok(Top { keys: phrase::keys(&parameters.by)?, count: parameters.count })
    }

    fn take(&mut self, records: Records) -> Result<Outcome, Failure> {
        let mut records = records.values()?;
        let before = records.len();
        order::sort(&mut records, &self.keys);
        records.truncate(self.count);
        let message = format!(
            "Kept the first {} of {} by {}.",
            records.len(),
            phrase::records(before),
            phrase::order(&self.keys)
        );
        Ok(Outcome::of(records).saying(message))
    }
}

#[cfg(test)]
mod tests {
    use ropewalk_sdk::testing::run;

    use super::*;

    #[test]
    fn keeps_the_first() {
        let records = json!([{"r": 1}, {"r": 3}, {"r": 2}]);
        let report = run::<Top>(json!({"by": ["-r"], "count": 2}), &[records]).expect("runs");
        assert_eq!(report.records, json!([{"r": 3}, {"r": 2}]));
        assert_eq!(report.message(), "Kept the first 2 of 3 records by r, descending.");
        let alone = run::<Top>(json!({"by": "r", "count": 1}), &[json!([{"r": 2}, {"r": 1}])]).expect("runs");
        assert_eq!(alone.records, json!([{"r": 1}]));
    }
}
