//! Runs the script of one line.

use ropewalk_sdk::{Context, Failure, Outcome, Severity, Value, json, log};
use rquickjs::{Ctx, Function, Object, Persistent};
use serde_json::Map;

use crate::engine::{settle, with};
use crate::scan::holds_long_digits;
use crate::script::Script;
use crate::{clock, fault, unhandled};

/// A parsed script, and its state between batches after the first one.
pub(crate) struct Running {
    pub(crate) script: Script,
    context: String,
    key: String,
    loaded: Option<Loaded>,
}

/// The evaluated module. It is evaluated once for a line, so that its variables keep their values from
/// batch to batch.
struct Loaded {
    function: Persistent<rquickjs::Value<'static>>,
    context: Persistent<Object<'static>>,
}

/// The values that a call of the script needs.
pub(crate) struct Call<'a, 'js> {
    pub(crate) ctx: &'a Ctx<'js>,
    pub(crate) prelude: &'a Object<'js>,
    /// The default export of the script.
    pub(crate) function: rquickjs::Value<'js>,
    /// The script's `ctx`.
    pub(crate) context: Object<'js>,
}

impl Running {
    /// Parses the script with `parse`, which depends on the action.
    pub(crate) fn open(
        text: &str,
        parameters: Map<String, Value>,
        context: &Context,
        parse: fn(&Ctx, &str) -> Result<Script, Failure>,
    ) -> Result<Running, Failure> {
        clock::set(milliseconds(&context.now)?);
        let script = with(|ctx, _| parse(ctx, text))?;
        let key = context.idempotency_key.clone();
        let context = script_context(context, parameters).to_string();
        Ok(Running { script, context, key, loaded: None })
    }

    /// Calls the script. Its module is evaluated before the first call.
    pub(crate) fn call<T>(
        &mut self,
        call: impl for<'js> FnOnce(Call<'_, 'js>, &Script) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        unhandled::begin(self.script.shift);
        with(|ctx, prelude| {
            let thrown = |error: rquickjs::Error| fault::caught(ctx, error, self.script.shift);
            let loaded = match self.loaded.take() {
                Some(loaded) => loaded,
                None => self.load(ctx, prelude)?,
            };
            let function = loaded.function.clone().restore(ctx).map_err(thrown)?;
            let context = loaded.context.clone().restore(ctx).map_err(thrown)?;
            self.loaded = Some(loaded);
            call(Call { ctx, prelude, function, context }, &self.script)
        })
    }

    fn load<'js>(&self, ctx: &Ctx<'js>, prelude: &Object<'js>) -> Result<Loaded, Failure> {
        let shift = self.script.shift;
        let thrown = |error: rquickjs::Error| fault::caught(ctx, error, shift);
        let begin: Function = prelude.get("begin").map_err(thrown)?;
        let long = holds_long_digits(&self.context);
        let context: Object = begin.call((self.key.as_str(), self.context.as_str(), long)).map_err(thrown)?;
        let (module, evaluation) = self.script.declare(ctx).and_then(|module| module.eval()).map_err(thrown)?;
        settle(ctx, &evaluation, shift)?;
        let function: rquickjs::Value = module.get("default").map_err(thrown)?;
        Ok(Loaded { function: Persistent::save(ctx, function), context: Persistent::save(ctx, context) })
    }
}

/// Adds a warning about promises that failed and were not awaited.
pub(crate) fn warn_of_rejections(outcome: Outcome) -> Outcome {
    let reasons = unhandled::take();
    let Some(first) = reasons.first() else { return outcome };
    reasons.iter().for_each(|reason| log::warn(format!("A promise that was not awaited failed: {reason}")));
    let message = outcome.message.clone().unwrap_or_default();
    outcome.saying(format!("{message} A promise that was not awaited failed: {first}")).with(Severity::Warning)
}

/// `1 record`, `5 records`.
pub(crate) fn records_of(count: usize) -> String {
    format!("{count} record{}", if count == 1 { "" } else { "s" })
}

/// The values in `ctx` of a script, without its functions.
fn script_context(context: &Context, parameters: Map<String, Value>) -> Value {
    let mut values = context.dates.clone();
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
    values.extend(own.as_object().cloned().unwrap_or_default());
    Value::Object(values)
}

/// Milliseconds from 1970 to an RFC 3339 instant.
fn milliseconds(now: &str) -> Result<f64, Failure> {
    let (seconds, nanoseconds) = values::order::instant(now).ok_or_else(|| {
        Failure::new(format!("The value of `now` in the context is {now}, which is not an RFC 3339 instant"))
    })?;
    Ok(seconds as f64 * 1000.0 + f64::from(nanoseconds / 1_000_000))
}
