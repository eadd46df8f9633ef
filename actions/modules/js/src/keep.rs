//! The action `keep`: keeps the records that meet a condition.

use ropewalk_sdk::{Action, Context, Failure, Outcome, Records, Value, json};
use rquickjs::{Function, Object, Promise};
use serde::Deserialize;
use serde_json::Map;

use crate::engine::settle;
use crate::running::{Call, Running, records_of, warn_of_rejections};
use crate::scan::{elements, holds_long_digits};
use crate::script::Script;
use crate::{fault, missing_return};

/// The parameters of a predicate.
#[derive(Deserialize)]
pub struct Parameters {
    script: String,
    /// All other parameters.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// A line with a predicate, and its counts so far.
pub struct Keep {
    running: Running,
    seen: usize,
    kept: usize,
}

impl Action for Keep {
    const NAME: &'static str = "keep";
    const TITLE: &'static str = "Keep with JavaScript";
    const SUMMARY: &'static str =
        "Keeps the records that meet a condition in JavaScript. The records themselves do not change.";
    type Parameters = Parameters;

    fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["script"],
            "properties": {
                "script": {
                    "type": "string",
                    "title": "Script",
                    "description": "A condition on one record: an expression with `record` and `ctx`, a function of them, its body with `return`, or an ES module with such a function as default export. It may be async. `ctx` is the same as in the action js.",
                    "format": "javascript",
                    "minLength": 1,
                    "raw": true,
                    "examples": ["record.total > 100", "r => r.tags.includes('new')", "export default (record, ctx) => record.due < ctx.today"]
                }
            },
            "additionalProperties": {
                "title": "Parameter",
                "description": "Any other parameter is passed to the script in ctx.parameters."
            }
        })
    }

    fn open(parameters: Parameters, context: &Context) -> Result<Keep, Failure> {
        let running = Running::open(&parameters.script, parameters.rest, context, Script::predicate)?;
        Ok(Keep { running, seen: 0, kept: 0 })
    }

    fn take(&mut self, records: Records) -> Result<Outcome, Failure> {
        let seen = self.seen;
        let chosen = self.running.choose(records.text(), seen)?;
        self.seen += chosen.count;
        self.kept += chosen.kept.len();
        let message = format!("Kept {} of {}.", self.kept, records_of(self.seen));
        // The text of the kept records is copied, so that it stays exactly as it was.
        let outcome = match chosen.kept.len() == chosen.count {
            true => Outcome::unchanged(),
            false => Outcome::of(Records::from_text(elements(records.text(), &chosen.kept))),
        };
        Ok(warn_of_rejections(outcome.saying(message)))
    }
}

/// The positions of the records that a predicate chose, and how many records there were.
struct Chosen {
    kept: Vec<u32>,
    count: usize,
}

impl Running {
    fn choose(&mut self, records: &str, seen: usize) -> Result<Chosen, Failure> {
        self.call(|call, script| {
            let Call { ctx, prelude, function, context } = call;
            let thrown = |error: rquickjs::Error| fault::caught(ctx, error, script.shift);
            let sift: Function = prelude.get("sift").map_err(thrown)?;
            let arguments = (function, script.bare, context, records, holds_long_digits(records), seen);
            let promise: Promise = sift.call(arguments).map_err(thrown)?;
            let answer = settle(ctx, &promise, script.shift)?;
            let answer: Object = answer.into_object().ok_or_else(|| Failure::new("The script returned no result"))?;
            let unread =
                |error: rquickjs::Error| Failure::new(format!("The result of the script cannot be read: {error}"));
            if let Some(source) = answer.get::<_, Option<String>>("idle").map_err(unread)? {
                missing_return::check_predicate(ctx, &source)?;
            }
            let kept = answer.get("kept").map_err(unread)?;
            Ok(Chosen { kept, count: answer.get("count").map_err(unread)? })
        })
    }
}

#[cfg(test)]
mod tests;
