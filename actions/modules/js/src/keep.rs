//! The action `keep`: a predicate that is asked of each record.

use ropewalk_sdk::{Action, Context, Failure, Outcome, Records, Value, json};
use rquickjs::{Function, Object, Promise};
use serde::Deserialize;
use serde_json::Map;

use crate::engine::settle;
use crate::running::{Call, Running, records_of, warned};
use crate::scan::{elements, holds_long_digits};
use crate::script::Script;
use crate::{fault, forgotten};

/// The parameters of a predicate.
#[derive(Deserialize)]
pub struct Parameters {
    script: String,
    /// Whatever else stands beside the script.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// A predicate, and what it chose so far.
pub struct Keep {
    running: Running,
    seen: usize,
    kept: usize,
}

impl Action for Keep {
    const NAME: &'static str = "keep";
    const TITLE: &'static str = "Keep by JavaScript";
    const SUMMARY: &'static str = "Asks a condition in JavaScript of each record, and keeps those for which it holds. The records themselves stay as they are.";
    type Parameters = Parameters;

    fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["script"],
            "properties": {
                "script": {
                    "type": "string",
                    "title": "Script",
                    "description": "A condition on one record: an expression of `record` and `ctx`, a function of them, the body of one, or an ES module with such a function as default export. It may be async. `ctx` is that of the action js.",
                    "format": "javascript",
                    "minLength": 1,
                    "raw": true,
                    "examples": ["record.total > 100", "r => r.tags.includes('new')", "export default (record, ctx) => record.due < ctx.today"]
                }
            },
            "additionalProperties": {
                "title": "Parameter",
                "description": "Whatever stands beside the script is handed to it as ctx.parameters."
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
        // Kept records are cut out of the text, so that they stay as they were written.
        let outcome = match chosen.kept.len() == chosen.count {
            true => Outcome::unchanged(),
            false => Outcome::of(Records::from_text(elements(records.text(), &chosen.kept))),
        };
        Ok(warned(outcome.saying(message)))
    }
}

/// Which records a predicate chose of how many.
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
            let given = (function, script.bare, context, records, holds_long_digits(records), seen);
            let promise: Promise = sift.call(given).map_err(thrown)?;
            let answer = settle(ctx, &promise, script.shift)?;
            let answer: Object = answer.into_object().ok_or_else(|| Failure::new("The script gave no answer"))?;
            let unread = |error: rquickjs::Error| Failure::new(format!("The script's answer cannot be read: {error}"));
            if let Some(source) = answer.get::<_, Option<String>>("unmoved").map_err(unread)? {
                forgotten::check_predicate(ctx, &source)?;
            }
            let kept = answer.get("kept").map_err(unread)?;
            Ok(Chosen { kept, count: answer.get("count").map_err(unread)? })
        })
    }
}

#[cfg(test)]
mod tests;
