//! `log`: writes to the log of the line result, once for the set or once for each record.

use ropewalk_sdk::log::{self, Level};
use ropewalk_sdk::{Action, Context, Failure, Outcome, Records, Severity, Value, json};
use serde::Deserialize;
use serde_json::Map;
use values::template::{self, Templates, Text};

use crate::phrase;

/// Longest message, in bytes. The host may cut earlier.
const LONGEST: usize = 64 << 10;

#[derive(Deserialize)]
pub struct Parameters {
    message: String,
    #[serde(default)]
    level: LevelName,
    #[serde(default)]
    per: Per,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LevelName {
    Debug,
    #[default]
    Info,
    Warn,
    Error,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Per {
    #[default]
    Set,
    Record,
}

pub struct Log {
    text: Text,
    level: Level,
    per: Per,
    templates: Templates,
    /// The variables for a message about the set.
    known: Map<String, Value>,
    seen: usize,
    faults: usize,
}

impl Action for Log {
    const NAME: &'static str = "log";
    const TITLE: &'static str = "Log";
    const SUMMARY: &'static str = "Writes a message to the log. The records stay unchanged.";
    type Parameters = Parameters;

    fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["message"],
            "additionalProperties": false,
            "properties": {
                "message": {
                    "type": "string",
                    "title": "Message",
                    "description": "A handlebars template. For each record, it can use the fields of the record; for the set, it can use count, args, since, now and the other dates.",
                    "raw": true,
                    "examples": ["{{count}} tasks are open", "{{id}} is due on {{date dueDate \"%d.%m.%Y\"}}"]
                },
                "level": {
                    "enum": ["debug", "info", "warn", "error"],
                    "default": "info",
                    "title": "Level",
                    "description": "Importance of the message. It does not change the status of the line."
                },
                "per": {
                    "enum": ["set", "record"],
                    "default": "set",
                    "title": "Once for",
                    "description": "One message for the whole set, or one for each record."
                }
            }
        })
    }

    fn open(parameters: Parameters, context: &Context) -> Result<Log, Failure> {
        let text = phrase::template(&parameters.message);
        let text = text.map_err(|fault| Failure::new(format!("message: {fault}")))?;
        let level = match parameters.level {
            LevelName::Debug => Level::Debug,
            LevelName::Info => Level::Info,
            LevelName::Warn => Level::Warn,
            LevelName::Error => Level::Error,
        };
        let templates = Templates::of_record();
        let known = phrase::known(context);
        Ok(Log { text, level, per: parameters.per, templates, known, seen: 0, faults: 0 })
    }

    fn take(&mut self, records: Records) -> Result<Outcome, Failure> {
        let records = records.values()?;
        self.seen += records.len();
        if self.per == Per::Record {
            records.into_iter().for_each(|record| self.write_record(record));
        }
        Ok(Outcome::unchanged())
    }

    fn close(&mut self) -> Result<Outcome, Failure> {
        if self.per == Per::Record {
            return Ok(self.report());
        }
        let mut data = std::mem::take(&mut self.known);
        data.insert("count".to_owned(), self.seen.into());
        let data = template::Context::from(Value::Object(data));
        let message = self.templates.render(&self.text, &data, LONGEST);
        let message = message.map_err(|fault| Failure::new(format!("message: {fault}")))?;
        log::write(self.level, &message);
        Ok(Outcome::unchanged().saying("Wrote a message to the log."))
    }
}

impl Log {
    /// A record for which the template fails causes a warning and does not fail the line.
    fn write_record(&mut self, record: Value) {
        match self.templates.render(&self.text, &template::Context::from(record), LONGEST) {
            Ok(message) => log::write(self.level, &message),
            Err(fault) => {
                self.faults += 1;
                log::warn(format!("message: {fault}"));
            }
        }
    }

    fn report(&self) -> Outcome {
        let written = phrase::counted(self.seen - self.faults, "message");
        let outcome = Outcome::unchanged();
        match self.faults {
            0 => outcome.saying(format!("Wrote {written} to the log.")),
            faults => outcome
                .saying(format!("Wrote {written} to the log; {faults} could not be rendered."))
                .with(Severity::Warning),
        }
    }
}

#[cfg(test)]
mod tests {
    use ropewalk_sdk::testing::run;

    use super::*;

    #[test]
    fn writes_once_or_for_each() {
        let batches = [json!([{"id": 1}, {"id": 2}]), json!([{"no": 3}])];
        let set = run::<Log>(json!({"message": "{{count}} on {{today}} for {{args.top}}"}), &batches).expect("runs");
        assert_eq!(set.message(), "Wrote a message to the log.");
        assert_eq!(set.records, json!([{"id": 1}, {"id": 2}, {"no": 3}]));
        let each = run::<Log>(json!({"message": "{{id}}", "per": "record", "level": "warn"}), &batches).expect("runs");
        assert_eq!(each.message(), "Wrote 2 messages to the log; 1 could not be rendered.");
    }

    #[test]
    fn a_wrong_message_fails() {
        assert!(run::<Log>(json!({"message": "{{coutn}}"}), &[]).expect_err("unknown").message.contains("`count`?"));
        assert!(run::<Log>(json!({"message": "{{#if}}"}), &[]).is_err());
    }
}
