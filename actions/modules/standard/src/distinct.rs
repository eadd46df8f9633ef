//! `distinct`: keeps the first of the records that are equal.

use std::collections::HashSet;

use ropewalk_sdk::{Action, Context, Failure, Outcome, Records, Value, json};
use serde::Deserialize;
use values::order::identity;
use values::path::Path;

use crate::phrase;

#[derive(Deserialize)]
pub struct Parameters {
    #[serde(default, deserialize_with = "phrase::names")]
    by: Vec<String>,
}

pub struct Distinct {
    by: Vec<Path>,
    found: HashSet<Vec<Option<String>>>,
    seen: usize,
}

impl Action for Distinct {
    const NAME: &'static str = "distinct";
    const TITLE: &'static str = "Distinct";
    const SUMMARY: &'static str = "Keeps the first of the records that are equal in some fields, or in all.";
    type Parameters = Parameters;

    fn schema() -> Value {
        let description =
            "Fields that must be equal; a single field needs no list. Without any, the whole record must be equal.";
        let by = phrase::names_schema("By", description, &json!(true), 0, json!(["email"]));
        json!({ "type": "object", "additionalProperties": false, "properties": { "by": by } })
    }

    fn open(parameters: Parameters, _: &Context) -> Result<Distinct, Failure> {
        let by = phrase::paths("by", &parameters.by)?;
        Ok(Distinct { by, found: HashSet::new(), seen: 0 })
    }

    fn take(&mut self, records: Records) -> Result<Outcome, Failure> {
        let mut records = records.values()?;
        self.seen += records.len();
        records.retain(|record| {
            let key = self.key(record);
            self.found.insert(key)
        });
        let message = format!("Kept {} of {}.", self.found.len(), phrase::records(self.seen));
        Ok(Outcome::of(records).saying(message))
    }
}

impl Distinct {
    /// A list, because a missing field differs from null, and values must not run into each other.
    fn key(&self, record: &Value) -> Vec<Option<String>> {
        if self.by.is_empty() {
            return vec![Some(identity(record))];
        }
        self.by.iter().map(|path| path.of(record).map(identity)).collect()
    }
}

#[cfg(test)]
mod tests {
    use ropewalk_sdk::testing::run;

    use super::*;

    #[test]
    fn keeps_the_first_over_batches() {
        let batches = [
            json!([{"a": 1, "b": "x"}, {"a": 1.0, "b": "y"}, {"b": "z"}]),
            json!([{"b": "x", "a": 1}, {"a": null}, {"a": 2}]),
        ];
        let whole = run::<Distinct>(json!({}), &batches).expect("runs");
        assert_eq!(whole.records.as_array().map(Vec::len), Some(5));
        let by = run::<Distinct>(json!({"by": ["a"]}), &batches).expect("runs");
        assert_eq!(by.records, json!([{"a": 1, "b": "x"}, {"b": "z"}, {"a": null}, {"a": 2}]));
        assert_eq!(by.message(), "Kept 4 of 6 records.");
        let alone = run::<Distinct>(json!({"by": "a"}), &batches).expect("runs");
        assert_eq!(alone.records, by.records);
    }
}
