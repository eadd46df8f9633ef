//! The action `js`.

use ropewalk_sdk::{Action, Context, Failure, Intake, Outcome, Records, Rejection, Severity, Value, json, log};
use rquickjs::{Ctx, Function, Object, Promise};
use serde::Deserialize;
use serde_json::Map;

use crate::engine::{settle, with};
use crate::script::Script;
use crate::{clock, fault, unheard};

/// The parameters of a script.
#[derive(Deserialize)]
pub struct Parameters {
    script: String,
    /// Whatever else stands beside the script.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// A script that was parsed, and what it is told.
pub struct Js {
    script: Script,
    context: String,
    key: String,
}

impl Action for Js {
    const NAME: &'static str = "js";
    const TITLE: &'static str = "JavaScript";
    const SUMMARY: &'static str = "Runs a script over the records. It returns new records, nothing (they go on unchanged), or {records, rejected, message}.";
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
                    "description": "An ES module with a default export, `export default (records, ctx) => …`, or the body of a function of `records` and `ctx`. It may be async. `ctx` has parameters, args, since, now, today and the other dates, organization, jobResult, lineNo, attempt, idempotencyKey, dryRun and log. Integers beyond 2^53 are BigInt.",
                    "format": "javascript",
                    "minLength": 1,
                    "raw": true,
                    "examples": [
                        "export default (records, ctx) => records.map(r => ({ ...r, late: r.dueDate < ctx.today }))",
                        "return records.filter(r => r.total > 100)"
                    ]
                }
            },
            "additionalProperties": {
                "title": "Parameter",
                "description": "Whatever stands beside the script is handed to it as ctx.parameters."
            }
        })
    }

    fn open(parameters: Parameters, context: &Context) -> Result<Js, Failure> {
        clock::set(milliseconds(&context.now)?);
        let script = with(|ctx, _| Script::parse(ctx, &parameters.script)).map_err(Failure::new)?;
        let told = told(context, parameters.rest).to_string();
        Ok(Js { script, context: told, key: context.idempotency_key.clone() })
    }

    fn take(&mut self, records: Records) -> Result<Outcome, Failure> {
        unheard::begin(self.script.shift);
        let outcome = with(|ctx, prelude| self.run(ctx, prelude, records.text())).map_err(Failure::new)?;
        Ok(warned(outcome, &unheard::take()))
    }
}

impl Js {
    fn run<'js>(&self, ctx: &Ctx<'js>, prelude: &Object<'js>, records: &str) -> Result<Outcome, String> {
        let shift = self.script.shift;
        let thrown = |error: rquickjs::Error| fault::caught(ctx, error, shift);
        let seed: Function = prelude.get("seed").map_err(thrown)?;
        seed.call::<_, ()>((self.key.as_str(),)).map_err(thrown)?;
        let (module, ready) = self.script.declare(ctx).and_then(|module| module.eval()).map_err(thrown)?;
        settle(ctx, &ready, shift)?;
        let script: rquickjs::Value = module.get("default").map_err(thrown)?;
        let call: Function = prelude.get("call").map_err(thrown)?;
        let (long_records, long_context) = (holds_long_digits(records), holds_long_digits(&self.context));
        let promise: Promise =
            call.call((script, records, long_records, self.context.as_str(), long_context)).map_err(thrown)?;
        let answer = settle(ctx, &promise, shift)?;
        let answer = answer.into_object().ok_or("The script gave no answer")?;
        outcome(&answer).map_err(|error| format!("The script's answer cannot be read: {error}"))
    }
}

/// Tells of promises that failed and were not waited for.
fn warned(outcome: Outcome, unheard: &[String]) -> Outcome {
    let Some(first) = unheard.first() else { return outcome };
    unheard.iter().for_each(|reason| log::warn(format!("A promise failed that nobody waited for: {reason}")));
    let said = outcome.message.clone().unwrap_or_default();
    outcome.saying(format!("{said} A promise failed that nobody waited for: {first}")).with(Severity::Warning)
}

/// What the prelude made of the script's result.
fn outcome(answer: &Object) -> Result<Outcome, String> {
    let text = |name: &str| answer.get::<_, Option<String>>(name).map_err(|error| error.to_string());
    let number = |name: &str| answer.get::<_, Option<u32>>(name).map_err(|error| error.to_string());
    let records = text("records")?.map(Records::from_text);
    let rejected: Vec<Rejection> = match text("rejected")? {
        Some(rejected) => serde_json::from_str(&rejected).map_err(|error| error.to_string())?,
        None => Vec::new(),
    };
    let (before, after) = (number("before")?.unwrap_or(0), number("count")?);
    let message = text("message")?.unwrap_or_else(|| match after {
        Some(after) => format!("The script made {} of {}.", records_of(after), records_of(before)),
        None => format!("The script ran over {}.", records_of(before)),
    });
    Ok(Outcome { records, ..Outcome::unchanged() }.rejecting(rejected).saying(message))
}

fn records_of(count: u32) -> String {
    format!("{count} record{}", if count == 1 { "" } else { "s" })
}

/// What a script finds in `ctx`.
fn told(context: &Context, parameters: Map<String, Value>) -> Value {
    let mut told = Map::new();
    told.extend(context.dates.clone());
    let own = json!({
        "parameters": parameters,
        "args": context.arguments,
        "since": context.since,
        "now": context.now,
        "organization": context.organization,
        "jobResult": context.job_result,
        "lineNo": context.line_no,
        "attempt": context.attempt,
        "idempotencyKey": context.idempotency_key,
        "dryRun": context.dry_run,
    });
    told.extend(own.as_object().cloned().unwrap_or_default());
    Value::Object(told)
}

/// Whether any integer may be too long for a float: 16 digits in a row, anywhere.
fn holds_long_digits(text: &str) -> bool {
    let mut run = 0;
    text.bytes().any(|byte| {
        run = if byte.is_ascii_digit() { run + 1 } else { 0 };
        run == 16
    })
}

/// The moment of an RFC 3339 text, in milliseconds since 1970.
fn milliseconds(now: &str) -> Result<f64, Failure> {
    let (seconds, nanoseconds) = values::order::instant(now)
        .ok_or_else(|| Failure::new(format!("The context's now, {now}, is no RFC 3339 instant")))?;
    Ok(seconds as f64 * 1000.0 + f64::from(nanoseconds / 1_000_000))
}

#[cfg(test)]
mod tests;
