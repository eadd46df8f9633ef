//! A script at work on one line.

use ropewalk_sdk::{Context, Failure, Outcome, Severity, Value, json, log};
use rquickjs::{Ctx, Function, Object, Persistent};
use serde_json::Map;

use crate::engine::{settle, with};
use crate::scan::holds_long_digits;
use crate::script::Script;
use crate::{clock, fault, unheard};

/// A script that was parsed, and once it has begun, what is left of it between batches.
pub(crate) struct Running {
    pub(crate) script: Script,
    context: String,
    key: String,
    begun: Option<Begun>,
}

/// The module was evaluated: once for a line, so that what it keeps stays from batch to batch.
struct Begun {
    function: Persistent<rquickjs::Value<'static>>,
    context: Persistent<Object<'static>>,
}

/// What a call of the script needs.
pub(crate) struct Call<'a, 'js> {
    pub(crate) ctx: &'a Ctx<'js>,
    pub(crate) prelude: &'a Object<'js>,
    /// What the script exports as default.
    pub(crate) function: rquickjs::Value<'js>,
    /// The script's `ctx`.
    pub(crate) context: Object<'js>,
}

impl Running {
    /// Parses the script. `parse` knows the forms it may have.
    pub(crate) fn open(
        text: &str,
        parameters: Map<String, Value>,
        context: &Context,
        parse: fn(&Ctx, &str) -> Result<Script, Failure>,
    ) -> Result<Running, Failure> {
        clock::set(milliseconds(&context.now)?);
        let script = with(|ctx, _| parse(ctx, text))?;
        let told = told(context, parameters).to_string();
        Ok(Running { script, context: told, key: context.idempotency_key.clone(), begun: None })
    }

    /// Calls the script; the first time, its module is evaluated before that.
    pub(crate) fn call<T>(
        &mut self,
        call: impl for<'js> FnOnce(Call<'_, 'js>, &Script) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        unheard::begin(self.script.shift);
        with(|ctx, prelude| {
            let thrown = |error: rquickjs::Error| fault::caught(ctx, error, self.script.shift);
            let begun = match self.begun.take() {
                Some(begun) => begun,
                None => self.begin(ctx, prelude)?,
            };
            let function = begun.function.clone().restore(ctx).map_err(thrown)?;
            let context = begun.context.clone().restore(ctx).map_err(thrown)?;
            self.begun = Some(begun);
            call(Call { ctx, prelude, function, context }, &self.script)
        })
    }

    fn begin<'js>(&self, ctx: &Ctx<'js>, prelude: &Object<'js>) -> Result<Begun, Failure> {
        let shift = self.script.shift;
        let thrown = |error: rquickjs::Error| fault::caught(ctx, error, shift);
        let begin: Function = prelude.get("begin").map_err(thrown)?;
        let long = holds_long_digits(&self.context);
        let context: Object = begin.call((self.key.as_str(), self.context.as_str(), long)).map_err(thrown)?;
        let (module, ready) = self.script.declare(ctx).and_then(|module| module.eval()).map_err(thrown)?;
        settle(ctx, &ready, shift)?;
        let function: rquickjs::Value = module.get("default").map_err(thrown)?;
        Ok(Begun { function: Persistent::save(ctx, function), context: Persistent::save(ctx, context) })
    }
}

/// Tells of promises that failed and were not waited for.
pub(crate) fn warned(outcome: Outcome) -> Outcome {
    let unheard = unheard::take();
    let Some(first) = unheard.first() else { return outcome };
    unheard.iter().for_each(|reason| log::warn(format!("A promise failed that nobody waited for: {reason}")));
    let said = outcome.message.clone().unwrap_or_default();
    outcome.saying(format!("{said} A promise failed that nobody waited for: {first}")).with(Severity::Warning)
}

/// `1 record`, `5 records`.
pub(crate) fn records_of(count: usize) -> String {
    format!("{count} record{}", if count == 1 { "" } else { "s" })
}

/// What a script finds in `ctx`, beside what it can call.
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

/// The moment of an RFC 3339 text, in milliseconds since 1970.
fn milliseconds(now: &str) -> Result<f64, Failure> {
    let (seconds, nanoseconds) = values::order::instant(now)
        .ok_or_else(|| Failure::new(format!("The context's now, {now}, is no RFC 3339 instant")))?;
    Ok(seconds as f64 * 1000.0 + f64::from(nanoseconds / 1_000_000))
}
