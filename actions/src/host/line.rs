//! One line, which runs in a fresh instance of its module.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::engine::ports::actions::{self, ActionLine, Failure, FailureKind, LineOutput, OpenLine, Severity};
use ::engine::ports::host_calls::CLOSE_BATCH;
use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use values::json::{Bounds, parse};
use wasmtime::Store;
use wasmtime::component::ResourceAny;

use super::blocking::run_blocking;
use super::contract::{self, Module as Exports, Outcome};
use super::effects::Caller;
use super::engine::Runtime;
use super::guest::Guest;
use super::limits::{Limits, clean_text};
use super::module::Module;
use super::traps::{describe, name_limit, too_much_output};

/// Assumed bytes of JSON per record, to estimate how long a batch takes to serialize.
const SMALLEST_RECORD: usize = 100;

pub(super) struct Line {
    store: Store<Guest>,
    exports: Exports,
    resource: ResourceAny,
    limits: Arc<Limits>,
    timeout: Duration,
    /// The last message of a batch.
    message: Option<String>,
    _module: Arc<Module>,
    _slot: OwnedSemaphorePermit,
}

impl Line {
    pub(super) async fn open(
        runtime: &Runtime,
        module: &Arc<Module>,
        open: OpenLine,
        slot: OwnedSemaphorePermit,
    ) -> Result<Self, Failure> {
        let (timeout, limits) = (open.timeout, Arc::clone(runtime.limits()));
        let caller = Caller {
            module: open.module.module,
            idempotency_key: open.context.idempotency_key.clone(),
            dry_run: open.context.dry_run,
            host_calls: Some(open.host_calls),
            end: Instant::now() + timeout,
            listener: open.listener,
        };
        let mut store = runtime.new_store((caller, open.context.now.clone()), open.cancellation, limits.output);
        let stop = store.data_mut().begin_call();
        let (parameters, context) = (open.parameters.to_string(), contract::to_wit_context(&open.context));
        let opening = async {
            let exports = module.instantiate(&mut store).await?;
            let line = exports.ropewalk_action_actions().line();
            let opened = line.call_open(&mut store, &open.action, &parameters, &context).await?;
            Ok(opened.map(|resource| (exports, resource)))
        };
        let opened = stop.limit(opening).await;
        let opened = read_result(opened, &mut store, &limits, timeout);
        let (exports, resource) =
            opened.map_err(|failure| Failure { output: Box::new(drain_output(&store)), ..failure })?;
        Ok(Self { store, exports, resource, limits, timeout, message: None, _module: Arc::clone(module), _slot: slot })
    }

    /// Checks an outcome. `count` is the number of records in the batch.
    fn check_outcome(&self, outcome: Outcome, count: usize) -> Result<actions::Outcome, Failure> {
        if outcome.rejected.len() > count {
            let message = format!(
                "The action rejected {} of {count} records; this is a fault of its module.",
                outcome.rejected.len()
            );
            return Err(Failure::new(FailureKind::Trap, message));
        }
        let records = outcome.records.map(|text| self.read_records(&text)).transpose()?;
        let longest = self.limits.sentence;
        let rejected =
            outcome.rejected.into_iter().map(|rejection| (rejection.index, clean_text(rejection.reason, longest)));
        let severity = contract::read_severity(outcome.severity);
        let message = outcome.message.map(|message| clean_text(message, longest));
        Ok(actions::Outcome { records, rejected: rejected.collect(), message, severity })
    }

    fn read_records(&self, text: &str) -> Result<Vec<Value>, Failure> {
        if text.len() > self.limits.output {
            return Err(too_much_output(&self.limits));
        }
        let bounds = Bounds { bytes: self.limits.output, ..Bounds::default() };
        let fault = |what: String| {
            let message = format!("The action returned records that are {what}; this is a fault of its module.");
            Failure::new(FailureKind::Trap, message)
        };
        match run_blocking(text.len(), || parse(text.as_bytes(), bounds)) {
            Ok(Value::Array(records)) if records.iter().all(Value::is_object) => Ok(records),
            Ok(_) => Err(fault("not a list of objects".to_owned())),
            Err(error) => Err(fault(format!("not JSON: {error}"))),
        }
    }

    /// A line that was denied something did less than it was meant to do, so it always ends with a warning.
    fn warn_of_denials(&self, outcome: &mut actions::Outcome) {
        let Some(denied) = self.store.data().effects.denied() else { return };
        outcome.severity = Severity::Warning;
        let message = outcome.message.take().or_else(|| self.message.clone());
        outcome.message = Some(match message {
            Some(message) if message.contains(&denied) => message,
            Some(message) => format!("{message} {denied}"),
            None => denied,
        });
    }
}

#[async_trait]
impl ActionLine for Line {
    async fn take(&mut self, number: u32, batch: &[Value]) -> Result<actions::Outcome, Failure> {
        self.store.data().effects.begin_batch(number);
        let text = run_blocking(batch.len() * SMALLEST_RECORD, || serde_json::to_string(batch));
        let text = text.map_err(|error| Failure::new(FailureKind::Final, error.to_string()))?;
        let line = self.exports.ropewalk_action_actions().line();
        let stop = self.store.data_mut().begin_call();
        let taken = stop.limit(line.call_take(&mut self.store, self.resource, &text)).await;
        let taken = read_result(taken, &mut self.store, &self.limits, self.timeout)?;
        let outcome = self.check_outcome(taken, batch.len())?;
        self.message = outcome.message.clone().or(self.message.take());
        Ok(outcome)
    }

    async fn close(&mut self) -> Result<actions::Outcome, Failure> {
        self.store.data().effects.begin_batch(CLOSE_BATCH);
        let line = self.exports.ropewalk_action_actions().line();
        let stop = self.store.data_mut().begin_call();
        let closed = stop.limit(line.call_close(&mut self.store, self.resource)).await;
        let closed = read_result(closed, &mut self.store, &self.limits, self.timeout)?;
        let mut outcome = self.check_outcome(Outcome { rejected: Vec::new(), ..closed }, 0)?;
        self.warn_of_denials(&mut outcome);
        Ok(outcome)
    }

    fn drain(&mut self) -> LineOutput {
        drain_output(&self.store)
    }
}

/// The log and the effects of a guest since the last call, and its memory.
fn drain_output(store: &Store<Guest>) -> LineOutput {
    let guest = store.data();
    guest.flush_output();
    LineOutput {
        log: guest.log.drain(),
        effects: guest.effects.drain_effects(),
        memory_peak: guest.limiter.memory_peak as u64,
    }
}

type CallResult<T> = wasmtime::Result<Result<T, contract::wit::Failure>>;

/// Reads the result of a call of the guest. The message of a failure includes what was denied before.
fn read_result<T>(
    result: CallResult<T>,
    store: &mut Store<Guest>,
    limits: &Limits,
    timeout: Duration,
) -> Result<T, Failure> {
    let mut failure = match result {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(failure)) => {
            let failure = contract::read_failure(failure);
            name_limit(Failure { message: clean_text(failure.message, limits.sentence), ..failure }, store, limits)
        }
        Err(error) => describe(store, limits, timeout, &error),
    };
    store.data_mut().drop_wasi();
    if let Some(denied) = store.data().effects.denied()
        && failure.kind != FailureKind::Cancelled
        && !failure.message.contains(&denied)
    {
        failure.message = format!("{} {denied}", failure.message);
    }
    Err(failure)
}
