//! One line at work in a fresh instance of its module.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::engine::model::result::LogEntry;
use ::engine::ports::actions::{self, ActionLine, Failure, FailureKind, OpenLine};
use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use values::json::{Bounds, parse};
use wasmtime::component::ResourceAny;
use wasmtime::{Store, StoreContextMut, Trap, UpdateDeadline};

use super::capabilities::log::Log;
use super::contract::{self, Module as Exports, Outcome};
use super::engine::Runtime;
use super::limits::{Growth, Limits};
use super::module::Module;
use super::pulse::Beat;

/// What a call may carry besides its records: messages, reasons, log lines.
const MARGIN: usize = 1024 * 1024;

/// What the host knows of one instance: the data of its store.
pub(super) struct Guest {
    pub(super) log: Log,
    growth: Growth,
    stop: Stop,
    _beat: Beat,
}

/// When a guest must stop.
struct Stop {
    kill: CancellationToken,
    end: Instant,
}

/// Why the pulse stopped a guest.
#[derive(Debug, Clone, Copy, thiserror::Error)]
enum Interrupted {
    #[error("killed")]
    Killed,
    #[error("out of time")]
    OutOfTime,
}

pub(super) struct Line {
    store: Store<Guest>,
    exports: Exports,
    resource: ResourceAny,
    limits: Limits,
    timeout: Duration,
    _module: Arc<Module>,
    _slot: OwnedSemaphorePermit,
}

/// A store with all limits in force.
pub(super) fn new_store(runtime: &Runtime, kill: CancellationToken, timeout: Duration) -> Store<Guest> {
    let limits = runtime.limits();
    let stop = Stop { kill, end: Instant::now() + timeout };
    let guest = Guest { log: Log::within(limits), growth: Growth::within(limits), stop, _beat: runtime.beat() };
    let mut store = Store::new(runtime.engine(), guest);
    store.limiter(|guest| &mut guest.growth);
    // A little more than the output, so that our own message comes first.
    store.set_hostcall_fuel(limits.output.saturating_add(MARGIN));
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(on_tick);
    store
}

/// A guest that runs on gives way to others at every tick, until its time is over.
fn on_tick(store: StoreContextMut<'_, Guest>) -> wasmtime::Result<UpdateDeadline> {
    let stop = &store.data().stop;
    match () {
        () if stop.kill.is_cancelled() => Err(Interrupted::Killed.into()),
        () if Instant::now() >= stop.end => Err(Interrupted::OutOfTime.into()),
        () => Ok(UpdateDeadline::Yield(1)),
    }
}

impl Line {
    pub(super) async fn open(
        runtime: &Runtime,
        module: &Arc<Module>,
        action: &str,
        open: OpenLine,
        slot: OwnedSemaphorePermit,
    ) -> Result<Self, Failure> {
        let (timeout, limits) = (open.timeout, runtime.limits().clone());
        let mut store = new_store(runtime, open.kill, timeout);
        let exports = module.instantiate(&mut store).await.map_err(|error| broken(&store, &limits, timeout, &error))?;
        let parameters = open.parameters.to_string();
        let context = contract::context(open.context);
        let line = exports.ropewalk_action_actions().line();
        let opened = line.call_open(&mut store, action, &parameters, &context).await;
        let resource = answered(opened, &store, &limits, timeout)?;
        Ok(Self { store, exports, resource, limits, timeout, _module: Arc::clone(module), _slot: slot })
    }

    fn outcome(&self, outcome: Outcome) -> Result<actions::Outcome, Failure> {
        let records = outcome.records.map(|text| self.records(&text)).transpose()?;
        let rejected = outcome.rejected.into_iter().map(|rejection| (rejection.index, rejection.reason)).collect();
        Ok(actions::Outcome {
            records,
            rejected,
            message: outcome.message,
            severity: contract::severity(outcome.severity),
        })
    }

    fn records(&self, text: &str) -> Result<Vec<Value>, Failure> {
        if text.len() > self.limits.output {
            return Err(too_much_output(&self.limits));
        }
        let bounds = Bounds { bytes: self.limits.output, ..Bounds::default() };
        match parse(text.as_bytes(), bounds) {
            Ok(Value::Array(records)) if records.iter().all(Value::is_object) => Ok(records),
            Ok(_) => Err(Failure::new(
                FailureKind::Trap,
                "The action answered records that are not a list of objects; this is a fault of its module.",
            )),
            Err(fault) => Err(Failure::new(
                FailureKind::Trap,
                format!("The action answered records that are not JSON: {fault}; this is a fault of its module."),
            )),
        }
    }
}

#[async_trait]
impl ActionLine for Line {
    async fn take(&mut self, batch: &[Value]) -> Result<actions::Outcome, Failure> {
        let batch =
            serde_json::to_string(batch).map_err(|error| Failure::new(FailureKind::Final, error.to_string()))?;
        let line = self.exports.ropewalk_action_actions().line();
        let taken = line.call_take(&mut self.store, self.resource, &batch).await;
        self.outcome(answered(taken, &self.store, &self.limits, self.timeout)?)
    }

    async fn close(&mut self) -> Result<actions::Outcome, Failure> {
        let line = self.exports.ropewalk_action_actions().line();
        let closed = line.call_close(&mut self.store, self.resource).await;
        self.outcome(answered(closed, &self.store, &self.limits, self.timeout)?)
    }

    fn drain_log(&mut self) -> Vec<LogEntry> {
        self.store.data_mut().log.drain()
    }
}

type Answer<T> = wasmtime::Result<Result<T, contract::exports::ropewalk::action::actions::Failure>>;

fn answered<T>(answer: Answer<T>, store: &Store<Guest>, limits: &Limits, timeout: Duration) -> Result<T, Failure> {
    match answer {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(failure)) => Err(named_limit(contract::failure(failure), store, limits)),
        Err(error) => Err(broken(store, limits, timeout, &error)),
    }
}

/// A guest that was refused memory often fails with words of its own; the limit goes with them.
fn named_limit(failure: Failure, store: &Store<Guest>, limits: &Limits) -> Failure {
    if !store.data().growth.memory_refused {
        return failure;
    }
    let limit = limits.memory_in_words();
    Failure::new(
        FailureKind::Limit,
        format!("The action needed more than its memory limit of {limit}: {}", failure.message),
    )
}

fn too_much_output(limits: &Limits) -> Failure {
    let limit = limits.output_in_words();
    let message = format!("The action answered more than its output limit of {limit}; hand it fewer records at once.");
    Failure::new(FailureKind::Limit, message)
}

/// What a trap means.
pub(super) fn broken(store: &Store<Guest>, limits: &Limits, timeout: Duration, error: &wasmtime::Error) -> Failure {
    match error.downcast_ref::<Interrupted>() {
        Some(Interrupted::Killed) => return Failure::new(FailureKind::Killed, "The line was killed."),
        Some(Interrupted::OutOfTime) => return Failure::timed_out(timeout),
        None => {}
    }
    let growth = &store.data().growth;
    if growth.memory_refused {
        let limit = limits.memory_in_words();
        return Failure::new(
            FailureKind::Limit,
            format!("The action needed more than its memory limit of {limit}; hand it fewer records at once."),
        );
    }
    if growth.table_refused {
        return Failure::new(
            FailureKind::Limit,
            format!("The action needed a table of more than {} elements.", limits.table_elements),
        );
    }
    // wasmtime has no type for this one.
    if error.root_cause().to_string().contains("fuel allocated for hostcalls") {
        return too_much_output(limits);
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => {
            Failure::new(FailureKind::Limit, "The action called itself too deeply and ran out of stack.")
        }
        Some(trap) => Failure::new(
            FailureKind::Trap,
            format!("The action broke off (trap: {trap}); this is a fault of its module."),
        ),
        None => Failure::new(
            FailureKind::Trap,
            format!("The action broke off: {}; this is a fault of its module.", error.root_cause()),
        ),
    }
}
