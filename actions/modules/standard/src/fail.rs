//! `fail`: ends the line in error, always or depending on the number of records.

use ropewalk_sdk::{Action, Context, Failure, Outcome, Records, Value, json};
use serde::Deserialize;

use crate::phrase;

#[derive(Deserialize)]
pub struct Parameters {
    message: String,
    when: Option<When>,
}

#[derive(Deserialize)]
struct When {
    count: Count,
}

/// As in criteria, all given conditions must hold.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Count {
    eq: Option<usize>,
    ne: Option<usize>,
    lt: Option<usize>,
    lte: Option<usize>,
    gt: Option<usize>,
    gte: Option<usize>,
}

pub struct Fail {
    parameters: Parameters,
    count: usize,
}

impl Action for Fail {
    const NAME: &'static str = "fail";
    const TITLE: &'static str = "Fail";
    const SUMMARY: &'static str =
        "Ends the line in error with a message: always, or when there are too few or too many records.";
    type Parameters = Parameters;

    fn schema() -> Value {
        let number = |title: &str| json!({ "type": "integer", "minimum": 0, "title": title });
        json!({
            "type": "object",
            "required": ["message"],
            "additionalProperties": false,
            "properties": {
                "message": {
                    "type": "string",
                    "minLength": 1,
                    "title": "Message",
                    "description": "The error message of the line.",
                    "examples": ["There are more open invoices than expected"]
                },
                "when": {
                    "type": "object",
                    "title": "When",
                    "description": "The condition for the error. Without it, the line always fails.",
                    "required": ["count"],
                    "additionalProperties": false,
                    "properties": {
                        "count": {
                            "type": "object",
                            "title": "Number of records",
                            "minProperties": 1,
                            "additionalProperties": false,
                            "properties": {
                                "eq": number("is"), "ne": number("is not"),
                                "lt": number("is below"), "lte": number("is at most"),
                                "gt": number("is above"), "gte": number("is at least")
                            }
                        }
                    },
                    "examples": [{ "count": { "gt": 1000 } }]
                }
            }
        })
    }

    fn open(parameters: Parameters, _: &Context) -> Result<Fail, Failure> {
        Ok(Fail { parameters, count: 0 })
    }

    fn take(&mut self, records: Records) -> Result<Outcome, Failure> {
        self.count += records.values()?.len();
        Ok(Outcome::unchanged())
    }

    fn close(&mut self) -> Result<Outcome, Failure> {
        let holds = self.parameters.when.as_ref().is_none_or(|when| when.count.holds(self.count));
        if holds {
            return Err(Failure::new(self.parameters.message.clone()));
        }
        Ok(Outcome::unchanged().saying(format!(
            "The condition does not hold for {}, so the line did not fail.",
            phrase::records(self.count)
        )))
    }
}

impl Count {
    fn holds(&self, count: usize) -> bool {
        self.eq.is_none_or(|n| count == n)
            && self.ne.is_none_or(|n| count != n)
            && self.lt.is_none_or(|n| count < n)
            && self.lte.is_none_or(|n| count <= n)
            && self.gt.is_none_or(|n| count > n)
            && self.gte.is_none_or(|n| count >= n)
    }
}

#[cfg(test)]
mod tests {
    use ropewalk_sdk::testing::run;

    use super::*;

    #[test]
    fn fails_when_it_should() {
        let batches = [json!([{}, {}]), json!([{}])];
        let fails = |when: Value| {
            let parameters = json!({"message": "Too many", "when": when});
            run::<Fail>(parameters, &batches).err().map(|failure| failure.message)
        };
        let failed = Some("Too many".to_owned());
        assert_eq!(fails(json!(null)), failed);
        assert_eq!(fails(json!({"count": {"gt": 2}})), failed);
        assert_eq!(fails(json!({"count": {"gte": 1, "lte": 3}})), failed);
        assert_eq!(fails(json!({"count": {"eq": 0}})), None);
        assert_eq!(fails(json!({"count": {"ne": 3}})), None);
    }
}
