//! One line at work in a fresh instance of its module.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::engine::ports::actions::{self, ActionLine, Failure, FailureKind, OpenLine, Severity, Told};
use ::engine::ports::reach::CLOSING;
use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use values::json::{Bounds, parse};
use wasmtime::Store;
use wasmtime::component::ResourceAny;

use super::broken::{broken, named_limit, too_much_output};
use super::contract::{self, Module as Exports, Outcome};
use super::engine::Runtime;
use super::guest::{Guest, new_store};
use super::heavy::heavy;
use super::limits::{Limits, sentence};
use super::module::Module;
use super::outside::Caller;

/// Bytes of JSON that a record has at least, to guess how long a batch takes to write.
const SMALLEST_RECORD: usize = 100;

pub(super) struct Line {
    store: Store<Guest>,
    exports: Exports,
    resource: ResourceAny,
    limits: Arc<Limits>,
    timeout: Duration,
    /// What the batches said last.
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
            reach: Some(open.reach),
            end: Instant::now() + timeout,
            listener: open.listener,
        };
        let mut store = new_store(runtime, caller, open.kill, open.context.now.clone(), limits.output);
        let stop = store.data_mut().begin();
        let (parameters, context) = (open.parameters.to_string(), contract::context(&open.context));
        let opening = async {
            let exports = module.instantiate(&mut store).await?;
            let line = exports.ropewalk_action_actions().line();
            let opened = line.call_open(&mut store, &open.action, &parameters, &context).await?;
            Ok(opened.map(|resource| (exports, resource)))
        };
        let opened = stop.hold(opening).await;
        let opened = answered(opened, &mut store, &limits, timeout);
        let (exports, resource) = opened.map_err(|failure| Failure { told: Box::new(told(&store)), ..failure })?;
        Ok(Self { store, exports, resource, limits, timeout, message: None, _module: Arc::clone(module), _slot: slot })
    }

    /// `handed` is the number of records that it is about.
    fn outcome(&self, outcome: Outcome, handed: usize) -> Result<actions::Outcome, Failure> {
        if outcome.rejected.len() > handed {
            let message = format!(
                "The action rejected {} of {handed} records; this is a fault of its module.",
                outcome.rejected.len()
            );
            return Err(Failure::new(FailureKind::Trap, message));
        }
        let records = outcome.records.map(|text| self.records(&text)).transpose()?;
        let longest = self.limits.sentence;
        let rejected =
            outcome.rejected.into_iter().map(|rejection| (rejection.index, sentence(rejection.reason, longest)));
        let severity = contract::severity(outcome.severity);
        let message = outcome.message.map(|message| sentence(message, longest));
        Ok(actions::Outcome { records, rejected: rejected.collect(), message, severity })
    }

    fn records(&self, text: &str) -> Result<Vec<Value>, Failure> {
        if text.len() > self.limits.output {
            return Err(too_much_output(&self.limits));
        }
        let bounds = Bounds { bytes: self.limits.output, ..Bounds::default() };
        let fault = |what: String| {
            let message = format!("The action answered records that are {what}; this is a fault of its module.");
            Failure::new(FailureKind::Trap, message)
        };
        match heavy(text.len(), || parse(text.as_bytes(), bounds)) {
            Ok(Value::Array(records)) if records.iter().all(Value::is_object) => Ok(records),
            Ok(_) => Err(fault("not a list of objects".to_owned())),
            Err(error) => Err(fault(format!("not JSON: {error}"))),
        }
    }

    /// A line that was denied something did not do all that it was meant to, whatever it says.
    fn warn_of_denials(&self, outcome: &mut actions::Outcome) {
        let Some(denied) = self.store.data().outside.denied() else { return };
        outcome.severity = Severity::Warning;
        let said = outcome.message.take().or_else(|| self.message.clone());
        outcome.message = Some(match said {
            Some(said) if said.contains(&denied) => said,
            Some(said) => format!("{said} {denied}"),
            None => denied,
        });
    }
}

#[async_trait]
impl ActionLine for Line {
    async fn take(&mut self, number: u32, batch: &[Value]) -> Result<actions::Outcome, Failure> {
        self.store.data().outside.begin_batch(number);
        let text = heavy(batch.len() * SMALLEST_RECORD, || serde_json::to_string(batch));
        let text = text.map_err(|error| Failure::new(FailureKind::Final, error.to_string()))?;
        let line = self.exports.ropewalk_action_actions().line();
        let stop = self.store.data_mut().begin();
        let taken = stop.hold(line.call_take(&mut self.store, self.resource, &text)).await;
        let taken = answered(taken, &mut self.store, &self.limits, self.timeout)?;
        let outcome = self.outcome(taken, batch.len())?;
        self.message = outcome.message.clone().or(self.message.take());
        Ok(outcome)
    }

    async fn close(&mut self) -> Result<actions::Outcome, Failure> {
        self.store.data().outside.begin_batch(CLOSING);
        let line = self.exports.ropewalk_action_actions().line();
        let stop = self.store.data_mut().begin();
        let closed = stop.hold(line.call_close(&mut self.store, self.resource)).await;
        let closed = answered(closed, &mut self.store, &self.limits, self.timeout)?;
        let mut outcome = self.outcome(Outcome { rejected: Vec::new(), ..closed }, 0)?;
        self.warn_of_denials(&mut outcome);
        Ok(outcome)
    }

    fn drain(&mut self) -> Told {
        told(&self.store)
    }
}

/// What a guest said and did so far.
fn told(store: &Store<Guest>) -> Told {
    let guest = store.data();
    guest.flush();
    Told { log: guest.log.drain(), effects: guest.outside.drain_effects() }
}

type Answer<T> = wasmtime::Result<Result<T, contract::wit::Failure>>;

/// What a call came to; a failure tells what was denied before it.
fn answered<T>(answer: Answer<T>, store: &mut Store<Guest>, limits: &Limits, timeout: Duration) -> Result<T, Failure> {
    let mut failure = match answer {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(failure)) => {
            let failure = contract::failure(failure);
            named_limit(Failure { message: sentence(failure.message, limits.sentence), ..failure }, store, limits)
        }
        Err(error) => broken(store, limits, timeout, &error),
    };
    store.data_mut().let_go();
    if let Some(denied) = store.data().outside.denied()
        && failure.kind != FailureKind::Killed
        && !failure.message.contains(&denied)
    {
        failure.message = format!("{} {denied}", failure.message);
    }
    Err(failure)
}
