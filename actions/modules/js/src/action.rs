//! The action `js`: a script over the records.

use ropewalk_sdk::{Action, Context, Failure, Intake, Outcome, Records, Rejection, Severity, Value, json};
use rquickjs::{Function, Object, Promise};
use serde::Deserialize;
use serde_json::Map;

use crate::engine::settle;
use crate::running::{Call, Running, records_of, warn_of_rejections};
use crate::scan::{Scan, holds_long_digits};
use crate::script::Script;
use crate::{fault, missing_return};

/// The parameters of a script.
#[derive(Deserialize)]
pub struct Parameters {
    script: String,
    /// Only the engine reads it, to decide whether it passes batches.
    #[serde(default, rename = "perBatch")]
    _per_batch: bool,
    /// All other parameters.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// A line with a script, and its counts so far.
pub struct Js {
    running: Running,
    seen: usize,
    /// How many records the script returned; `None` if it returned none so far.
    made: Option<usize>,
}

impl Action for Js {
    const NAME: &'static str = "js";
    const TITLE: &'static str = "JavaScript";
    const SUMMARY: &'static str = "Runs a script over the records. It returns new records, nothing (the records stay unchanged), or {records, rejected, message}.";
    const INTAKE: Intake = Intake::Whole;
    type Parameters = Parameters;

    fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["script"],
            "properties": {
                "script": {
                    "type": "string",
                    "title": "Script",
                    "description": "A function of `records` and `ctx`: alone, `(records, ctx) => …`, as the default export of an ES module, or only its body with `return`. It may be async. A script that returns nothing and does nothing is an error. If it throws an error with `temporary: true`, the line can be retried. `ctx` has parameters, args, since, now, today and the other dates, organization, jobResult, lineNo, attempt, idempotencyKey, dryRun, and log, http, collection and startJob; `fetch` is available too. Integers beyond 2^53 are BigInt.",
                    "format": "javascript",
                    "minLength": 1,
                    "raw": true,
                    "examples": [
                        "(records, ctx) => records.map(r => ({ ...r, late: r.dueDate < ctx.today }))",
                        "return records.filter(r => r.total > 100)"
                    ]
                },
                "perBatch": {
                    "type": "boolean",
                    "default": false,
                    "batches": true,
                    "title": "Per batch",
                    "description": "Calls the function for each batch of records instead of once for all records, so that their number is not bounded. Variables outside of the function keep their values from batch to batch."
                }
            },
            "additionalProperties": {
                "title": "Parameter",
                "description": "Any other parameter is passed to the script in ctx.parameters."
            }
        })
    }

    fn open(parameters: Parameters, context: &Context) -> Result<Js, Failure> {
        let running = Running::open(&parameters.script, parameters.rest, context, Script::parse)?;
        Ok(Js { running, seen: 0, made: None })
    }

    fn take(&mut self, records: Records) -> Result<Outcome, Failure> {
        let answer = self.running.call(|call, script| run(&call, script, records.text()))?;
        self.seen += answer.before;
        if let Some(made) = answer.made {
            *self.made.get_or_insert_default() += made;
        }
        let mut outcome = Outcome::unchanged().rejecting(answer.rejected);
        outcome.records = answer.records;
        let message = answer.message.unwrap_or_else(|| self.message());
        let lost =
            "The script changed records but returned none, so the changes are lost: write `return records` at its end.";
        Ok(warn_of_rejections(match answer.lost {
            true => outcome.saying(format!("{message} {lost}")).with(Severity::Warning),
            false => outcome.saying(message),
        }))
    }
}

impl Js {
    fn message(&self) -> String {
        match self.made {
            Some(made) => format!("The script made {} of {}.", records_of(made), records_of(self.seen)),
            None => format!("The script ran over {}.", records_of(self.seen)),
        }
    }
}

/// The result of a call of the script.
struct Answer {
    records: Option<Records>,
    rejected: Vec<Rejection>,
    message: Option<String>,
    /// How many records the script got, and how many it returned.
    before: usize,
    made: Option<usize>,
    /// Whether it changed records without returning them.
    lost: bool,
}

fn run(call: &Call<'_, '_>, script: &Script, records: &str) -> Result<Answer, Failure> {
    let Call { ctx, prelude, function, context } = call;
    let thrown = |error: rquickjs::Error| fault::caught(ctx, error, script.shift);
    let run: Function = prelude.get("call").map_err(thrown)?;
    let long = holds_long_digits(records);
    let arguments = (function.clone(), script.bare, context.clone(), records, long);
    let promise: Promise = run.call(arguments).map_err(thrown)?;
    let answer = settle(ctx, &promise, script.shift)?;
    let answer = answer.into_object().ok_or_else(|| Failure::new("The script returned no result"))?;
    let unread = |error: rquickjs::Error| Failure::new(format!("The result of the script cannot be read: {error}"));
    if let Some(source) = answer.get::<_, Option<String>>("idle").map_err(unread)? {
        missing_return::check_script(ctx, script.source(), &source)?;
    }
    let read = Answer::read(&answer).map_err(unread)?;
    let text = read.records.as_ref().map(Records::text);
    let corrected = match text {
        Some(text) => check_records(call, script, &answer, text)?,
        None => None,
    };
    Ok(Answer { records: corrected.or(read.records), ..read })
}

/// Checks for values that JSON would lose. Returns the records if their text had to be corrected.
fn check_records<'js>(
    call: &Call<'_, 'js>,
    script: &Script,
    answer: &Object<'js>,
    text: &str,
) -> Result<Option<Records>, Failure> {
    let thrown = |error: rquickjs::Error| fault::caught(call.ctx, error, script.shift);
    let scan = Scan::of(text);
    if scan.is_doubtful() {
        let list: rquickjs::Value = answer.get("list").map_err(thrown)?;
        let inspect: Function = call.prelude.get("inspect").map_err(thrown)?;
        if let Some(found) = inspect.call::<_, Option<String>>((list,)).map_err(thrown)? {
            return Err(Failure::new(found));
        }
    }
    Ok(match scan.corrected(text) {
        std::borrow::Cow::Borrowed(_) => None,
        std::borrow::Cow::Owned(corrected) => Some(Records::from_text(corrected)),
    })
}

impl Answer {
    /// Reads the object that the prelude makes from the script's result.
    fn read(answer: &Object) -> rquickjs::Result<Answer> {
        let rejected = match answer.get::<_, Option<String>>("rejected")? {
            Some(rejected) => serde_json::from_str(&rejected)
                .map_err(|error| rquickjs::Error::new_from_js_message("rejected", "rejections", error.to_string()))?,
            None => Vec::new(),
        };
        Ok(Answer {
            records: answer.get::<_, Option<String>>("records")?.map(Records::from_text),
            rejected,
            message: answer.get("message")?,
            before: answer.get("before")?,
            made: answer.get("count")?,
            lost: answer.get("lost")?,
        })
    }
}

#[cfg(test)]
mod tests;
