//! `limit`: keeps a number of records, in their order.

use ropewalk_sdk::{Action, Context, Failure, Outcome, Records, Value, json};
use serde::Deserialize;

use crate::phrase;

#[derive(Deserialize)]
pub struct Parameters {
    count: usize,
    #[serde(default)]
    offset: usize,
}

pub struct Limit {
    parameters: Parameters,
    seen: usize,
    kept: usize,
}

impl Action for Limit {
    const NAME: &'static str = "limit";
    const TITLE: &'static str = "Limit";
    const SUMMARY: &'static str = "Keeps a number of records, in their order, and drops the others.";
    type Parameters = Parameters;

    fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["count"],
            "additionalProperties": false,
            "properties": {
                "count": {
                    "type": "integer",
                    "minimum": 0,
                    "title": "Count",
                    "description": "How many records are kept.",
                    "examples": [100]
                },
                "offset": {
                    "type": "integer",
                    "minimum": 0,
                    "default": 0,
                    "title": "Offset",
                    "description": "How many records are skipped before that."
                }
            }
        })
    }

    fn open(parameters: Parameters, _: &Context) -> Result<Limit, Failure> {
        Ok(Limit { parameters, seen: 0, kept: 0 })
    }

    fn take(&mut self, records: Records) -> Result<Outcome, Failure> {
        let records = records.values()?;
        let skipped = self.parameters.offset.saturating_sub(self.seen).min(records.len());
        let room = self.parameters.count - self.kept;
        self.seen += records.len();
        let kept: Vec<Value> = records.into_iter().skip(skipped).take(room).collect();
        self.kept += kept.len();
        let message = format!("Kept {} of {}.", self.kept, phrase::records(self.seen));
        Ok(Outcome::of(kept).saying(message))
    }
}

#[cfg(test)]
mod tests {
    use ropewalk_sdk::testing::run;

    use super::*;

    #[test]
    fn counts_over_batches() {
        let batches = [json!([1, 2, 3]), json!([4, 5, 6]), json!([7])];
        let kept = |count: usize, offset: usize| {
            run::<Limit>(json!({"count": count, "offset": offset}), &batches).expect("runs").records
        };
        assert_eq!(kept(4, 0), json!([1, 2, 3, 4]));
        assert_eq!(kept(2, 4), json!([5, 6]));
        assert_eq!(kept(0, 0), json!([]));
        assert_eq!(kept(9, 9), json!([]));
        let report = run::<Limit>(json!({"count": 4}), &batches).expect("runs");
        assert_eq!(report.message(), "Kept 4 of 7 records.");
    }
}
