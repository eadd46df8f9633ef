//! The QuickJS engine, which is initialized once.

use ropewalk_sdk::Failure;
use rquickjs::promise::PromiseState;
use rquickjs::{Context, Ctx, Function, Object, Persistent, Promise, Runtime, Value};

use crate::fault::{self, Shift};
use crate::{native, stack, unhandled};

/// Bytes allocated between two searches for cyclic garbage. A line lives only for a short time.
const GARBAGE: usize = 8 << 20;

/// What scripts can use besides the language. The files are parts of one function, so that scripts can
/// only access what it exposes.
static PRELUDE: &str = concat!(
    "(function (native) {\n\"use strict\";\n",
    include_str!("prelude/values.js"),
    include_str!("prelude/console.js"),
    include_str!("prelude/random.js"),
    include_str!("prelude/web.js"),
    include_str!("prelude/fetch.js"),
    include_str!("prelude/host.js"),
    include_str!("prelude/call.js"),
    "return { begin, call, sift, inspect };\n})"
);

thread_local! {
    /// The one engine of this instance.
    static ENGINE: Result<Engine, String> = Engine::new();
}

/// A context that contains the prelude.
pub(crate) struct Engine {
    context: Context,
    prelude: Persistent<Object<'static>>,
    // Dropped last, because the fields above belong to it.
    _runtime: Runtime,
}

/// Creates the engine. This runs when the module is built, so that a line does not have to wait for it.
#[cfg(target_arch = "wasm32")]
#[unsafe(export_name = "wizer-initialize")]
extern "C" fn warm() {
    let _ = with(|ctx, prelude| {
        // One script is run, so that the memory that scripts need is allocated already.
        let fault = |error: rquickjs::Error| Failure::new(error.to_string());
        let begin: Function = prelude.get("begin").map_err(fault)?;
        let context: Object = begin.call(("warm", "{}", false)).map_err(fault)?;
        let call: Function = prelude.get("call").map_err(fault)?;
        let script: Function = ctx.eval("(records => records.map(r => ({...r, b: 2})))").map_err(fault)?;
        let promise: Promise = call.call((script, false, context, r#"[{"a":1}]"#, false)).map_err(fault)?;
        settle(ctx, &promise, Shift::NONE).map(drop)
    });
}

pub(crate) fn with<T>(run: impl for<'js> FnOnce(&Ctx<'js>, &Object<'js>) -> Result<T, Failure>) -> Result<T, Failure> {
    ENGINE.with(|engine| {
        let engine = engine.as_ref().map_err(Failure::new)?;
        engine.context.with(|ctx| {
            let prelude = engine.prelude.clone().restore(&ctx).map_err(|error| Failure::new(error.to_string()))?;
            run(&ctx, &prelude)
        })
    })
}

impl Engine {
    fn new() -> Result<Engine, String> {
        Engine::build().map_err(|error| format!("The JavaScript engine cannot be started: {error}"))
    }

    fn build() -> rquickjs::Result<Engine> {
        let runtime = Runtime::new()?;
        stack::begin();
        runtime.set_max_stack_size(stack::WHOLE);
        runtime.set_gc_threshold(GARBAGE);
        unhandled::watch(&runtime);
        let context = Context::full(&runtime)?;
        let prelude = context.with(|ctx| {
            let prelude: Function = ctx.eval(PRELUDE)?;
            let prelude: Object = prelude.call((native::calls(&ctx)?,))?;
            Ok::<_, rquickjs::Error>(Persistent::save(&ctx, prelude))
        })?;
        Ok(Engine { context, prelude, _runtime: runtime })
    }
}

/// Runs pending jobs until the promise is settled.
pub(crate) fn settle<'js>(ctx: &Ctx<'js>, promise: &Promise<'js>, shift: Shift) -> Result<Value<'js>, Failure> {
    while ctx.execute_pending_job() {}
    if promise.state() == PromiseState::Pending {
        return Err(Failure::new("The script waits for a promise that was never settled (there are no timers)"));
    }
    match promise.result::<Value>() {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => Err(fault::caught(ctx, error, shift)),
        None => Err(Failure::new("The script returned no result")),
    }
}
