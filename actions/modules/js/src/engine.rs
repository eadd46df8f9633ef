//! QuickJS, made ready once and kept.

use ropewalk_sdk::log::{self, Level};
use rquickjs::function::Func;
use rquickjs::promise::PromiseState;
use rquickjs::{Context, Ctx, Function, Object, Persistent, Promise, Runtime, Value};

use crate::fault::{self, Shift};
use crate::unheard;

/// Bytes of the stack in linear memory that scripts may use: some 600 plain calls deep.
/// With a wasm stack of 1 MiB at the host every kind of recursion tried ends as a
/// RangeError; with 512 KiB those through async, generators and revivers trap first.
const STACK: usize = 160 << 10;
/// Bytes allocated between two searches for cyclic garbage. A line lives shortly.
const GARBAGE: usize = 8 << 20;

thread_local! {
    /// The one engine of this instance.
    static ENGINE: Result<Engine, String> = Engine::new();
}

/// A context with the prelude in it.
pub(crate) struct Engine {
    context: Context,
    prelude: Persistent<Object<'static>>,
    // Dropped last: what is above belongs to it.
    _runtime: Runtime,
}

/// Makes the engine. Run when the module is built, so that a line need not wait for it.
#[cfg(target_arch = "wasm32")]
#[unsafe(export_name = "wizer-initialize")]
extern "C" fn warm() {
    let _ = with(|ctx, prelude| {
        // Run once, so that the memory a first script needs is there already.
        let call: Function = prelude.get("call").map_err(|e| e.to_string())?;
        let script: Function = ctx.eval("(records => records.map(r => ({...r, b: 2})))").map_err(|e| e.to_string())?;
        let promise: Promise = call.call((script, r#"[{"a":1}]"#, false, "{}", false)).map_err(|e| e.to_string())?;
        settle(ctx, &promise, Shift(0)).map(drop)
    });
}

/// Runs something with the engine.
pub(crate) fn with<T>(run: impl for<'js> FnOnce(&Ctx<'js>, &Object<'js>) -> Result<T, String>) -> Result<T, String> {
    ENGINE.with(|engine| {
        let engine = engine.as_ref().map_err(Clone::clone)?;
        engine.context.with(|ctx| {
            let prelude = engine.prelude.clone().restore(&ctx).map_err(|error| error.to_string())?;
            run(&ctx, &prelude)
        })
    })
}

impl Engine {
    fn new() -> Result<Engine, String> {
        Engine::build().map_err(|error| format!("The JavaScript engine does not start: {error}"))
    }

    fn build() -> rquickjs::Result<Engine> {
        let runtime = Runtime::new()?;
        runtime.set_max_stack_size(STACK);
        runtime.set_gc_threshold(GARBAGE);
        unheard::watch(&runtime);
        let context = Context::full(&runtime)?;
        let prelude = context.with(|ctx| {
            let prelude: Function = ctx.eval(include_str!("prelude.js"))?;
            let prelude: Object = prelude.call((Func::from(write),))?;
            Ok::<_, rquickjs::Error>(Persistent::save(&ctx, prelude))
        })?;
        Ok(Engine { context, prelude, _runtime: runtime })
    }
}

fn write(level: String, message: String) {
    let level = match level.as_str() {
        "debug" => Level::Debug,
        "warn" => Level::Warn,
        "error" => Level::Error,
        _ => Level::Info,
    };
    log::write(level, &message);
}

/// Does what is waiting to be done until the promise is settled.
pub(crate) fn settle<'js>(ctx: &Ctx<'js>, promise: &Promise<'js>, shift: Shift) -> Result<Value<'js>, String> {
    while ctx.execute_pending_job() {}
    if promise.state() == PromiseState::Pending {
        return Err(
            "The script waits for something that never comes: a promise was never settled (there are no timers)"
                .to_owned(),
        );
    }
    match promise.result::<Value>() {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => Err(fault::caught(ctx, error, shift)),
        None => Err("The script gave no answer".to_owned()),
    }
}
