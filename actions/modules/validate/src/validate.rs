//! `validate`: rejects the records that do not fit a schema.

use jsonschema::{PatternOptions, Validator};
use ropewalk_sdk::{Action, Context, Failure, Outcome, Records, Rejection, Value, json};
use serde::Deserialize;
use values::schema_cost::{check_expansion, cost};

/// How many faults of one record the reason names.
const MOST_FAULTS: usize = 3;
/// How many parts one part of a schema may expand to through its references.
const EXPANSION: u64 = 10_000;
/// Most steps to check one record.
const STEPS: u64 = 2_000_000;
/// Most steps for which the reason names the faults of a record. Above that, it only says that there are
/// faults, because the faults of all alternatives would have to be in memory.
const STEPS_WITH_FAULTS: u64 = 100_000;
/// Longest description of one fault, in characters; it may quote the value.
const LONGEST: usize = 300;

#[derive(Deserialize)]
pub struct Parameters {
    schema: Value,
    #[serde(default = "yes")]
    formats: bool,
}

fn yes() -> bool {
    true
}

pub struct Validate {
    schema: Value,
    validator: Validator,
    seen: usize,
    wrong: usize,
}

impl Action for Validate {
    const NAME: &'static str = "validate";
    const TITLE: &'static str = "Validate";
    const SUMMARY: &'static str =
        "Checks each record against a JSON Schema. Records that do not fit are rejected with the reason.";
    type Parameters = Parameters;

    fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["schema"],
            "additionalProperties": false,
            "properties": {
                "schema": {
                    "type": ["object", "boolean"],
                    "title": "Schema",
                    "description": "JSON Schema (2020-12, or the version in its $schema) of one record. It may refer to its own parts, but not to URLs.",
                    "raw": true,
                    "examples": [{ "required": ["email"], "properties": { "email": { "type": "string", "format": "email" } } }]
                },
                "formats": {
                    "type": "boolean",
                    "default": true,
                    "title": "Check formats",
                    "description": "Whether a value with a wrong `format` (date, email, …) is a fault."
                }
            }
        })
    }

    fn open(parameters: Parameters, _: &Context) -> Result<Validate, Failure> {
        check_expansion(&parameters.schema, EXPANSION).map_err(|error| Failure::new(format!("schema: it {error}")))?;
        let validator = jsonschema::options()
            .should_validate_formats(parameters.formats)
            // This engine runs in linear time, so that no pattern can block the line.
            .with_pattern_options(PatternOptions::regex())
            .build(&parameters.schema)
            .map_err(|error| {
                Failure::new(format!("schema{}: {}", error.instance_path(), shorten(&error.to_string())))
            })?;
        Ok(Validate { schema: parameters.schema, validator, seen: 0, wrong: 0 })
    }

    fn take(&mut self, records: Records) -> Result<Outcome, Failure> {
        let records = records.values()?;
        let reasons = records.iter().map(|record| self.reason(record)).enumerate();
        let rejected: Vec<Rejection> =
            reasons.filter_map(|(index, reason)| Some(Rejection { index: index as u32, reason: reason? })).collect();
        self.seen += records.len();
        self.wrong += rejected.len();
        let message = match self.wrong {
            0 => format!("Checked {}; all of them fit the schema.", words::records(self.seen)),
            wrong => format!("Checked {}; {wrong} rejected.", words::records(self.seen)),
        };
        Ok(Outcome::unchanged().rejecting(rejected).saying(message))
    }
}

impl Validate {
    /// The faults of a record, each with its path; `None` if it fits.
    fn reason(&self, record: &Value) -> Option<String> {
        match cost(&self.schema, record, STEPS) {
            Err(error) => return Some(format!("The record cannot be checked: the schema {error}.")),
            Ok(steps) if steps > STEPS_WITH_FAULTS => {
                let reason = "The record does not fit the schema; it is too large to say where.";
                return (!self.validator.is_valid(record)).then(|| reason.to_owned());
            }
            Ok(_) => {}
        }
        let faults: Vec<String> = self
            .validator
            .iter_errors(record)
            .take(MOST_FAULTS + 1)
            .map(|error| describe(error.instance_path().as_str(), &error.to_string()))
            .collect();
        let more = if faults.len() > MOST_FAULTS { "; and more" } else { "" };
        let first = &faults[..faults.len().min(MOST_FAULTS)];
        (!faults.is_empty()).then(|| format!("{}{more}", first.join("; ")))
    }
}

/// `address.city: …`, because a JSON Pointer is hard to read for people.
fn describe(pointer: &str, message: &str) -> String {
    let path = pointer.trim_start_matches('/').replace('/', ".").replace("~1", "/").replace("~0", "~");
    if path.is_empty() { shorten(message) } else { format!("{path}: {}", shorten(message)) }
}

fn shorten(message: &str) -> String {
    if message.chars().count() <= LONGEST {
        return message.to_owned();
    }
    // The beginning quotes the value, and the end says what is wrong with it.
    let letters: Vec<char> = message.chars().collect();
    let start: String = letters[..LONGEST / 2].iter().collect();
    let end: String = letters[letters.len() - LONGEST / 2..].iter().collect();
    format!("{start}…{end}")
}

#[cfg(test)]
mod tests {
    use ropewalk_sdk::testing::run;

    use super::*;

    #[test]
    fn rejects_with_path_and_reason() {
        let schema = json!({
            "required": ["email"],
            "properties": { "email": {"format": "email"}, "a": {"properties": {"n": {"type": "integer", "maximum": 5}}} }
        });
        let batches = [
            json!([{"email": "a@b.org"}, {}, {"email": "x", "a": {"n": 9}}]),
            json!([{"email": "a@b.org", "a": {"n": "y".repeat(1000)}}]),
        ];
        let report = run::<Validate>(json!({"schema": schema}), &batches).expect("runs");
        assert_eq!(report.records, json!([{"email": "a@b.org"}]));
        let rejected = report.rejected();
        assert_eq!(rejected[0], (1, "\"email\" is a required property"));
        assert_eq!(rejected[1], (2, "email: \"x\" is not a \"email\"; a.n: 9 is greater than the maximum of 5"));
        assert_eq!(rejected[2].0, 0);
        assert!(rejected[2].1.starts_with("a.n: \"yyy") && rejected[2].1.ends_with("is not of type \"integer\""));
        assert_eq!(report.message(), "Checked 4 records; 3 rejected.");
    }

    #[test]
    fn a_schema_that_multiplies_itself_fails_at_once() {
        let level =
            |no: usize| json!({"anyOf": [{"$ref": format!("#/$defs/d{no}")}, {"$ref": format!("#/$defs/d{no}")}]});
        let mut schema = json!({"$ref": "#/$defs/d0", "$defs": {"d24": {"type": "integer"}}});
        for no in 0..24 {
            schema["$defs"][format!("d{no}")] = level(no + 1);
        }
        let failure = run::<Validate>(json!({"schema": schema}), &[]).expect_err("too costly");
        assert!(failure.message.starts_with("schema: it takes more than 10000 steps to check"), "{}", failure.message);
    }

    #[test]
    fn a_wrong_schema_fails_at_once() {
        let open = |schema: Value| run::<Validate>(json!({"schema": schema}), &[]).expect_err("wrong").message;
        assert!(open(json!({"type": "text"})).starts_with("schema/type: "));
        assert!(!open(json!({"$ref": "https://example.org/schema.json"})).is_empty());
        assert!(!open(json!({"properties": {"a": {"pattern": "("}}})).is_empty());
    }
}
