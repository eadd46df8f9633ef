//! What it means that a call of a guest broke off, in the words of the line.

use std::time::Duration;

use ::engine::ports::actions::{Failure, FailureKind};
use wasmtime::{Store, Trap};
use wasmtime_wasi::I32Exit;

use super::guest::{Guest, Interrupted};
use super::limits::Limits;
use super::outside::TooManyCalls;

/// What a trap means.
pub(super) fn broken(store: &Store<Guest>, limits: &Limits, timeout: Duration, error: &wasmtime::Error) -> Failure {
    match error.downcast_ref::<Interrupted>() {
        Some(Interrupted::Killed) => return Failure::new(FailureKind::Killed, "The line was killed."),
        Some(Interrupted::OutOfTime) => return Failure::timed_out(timeout),
        None => {}
    }
    let limit = |message: String| Failure::new(FailureKind::Limit, message);
    let fault = |what: String| {
        let message = format!("The action broke off{what}; this is a fault of its module.");
        Failure::new(FailureKind::Trap, message)
    };
    if let Some(calls) = error.downcast_ref::<TooManyCalls>() {
        return limit(calls.to_string());
    }
    let growth = &store.data().growth;
    if growth.memory_refused {
        let most = limits.memory_in_words();
        return limit(format!(
            "The action needed more than its memory limit of {most}; hand it fewer records at once."
        ));
    }
    if growth.table_refused {
        return limit(format!("The action needed a table of more than {} elements.", limits.table_elements));
    }
    let cause = error.root_cause().to_string();
    // wasmtime has no types for these.
    if cause.contains("fuel allocated for hostcalls") {
        return too_much_output(limits);
    }
    if cause.contains("resource table has no free keys") {
        return limit(format!("The action held more than {} streams and the like at once.", limits.resources));
    }
    if let Some(I32Exit(code)) = error.downcast_ref::<I32Exit>() {
        return fault(format!(" (it left with code {code})"));
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => limit("The action called itself too deeply and ran out of stack.".to_owned()),
        Some(trap) => fault(format!(" (trap: {trap})")),
        None => fault(format!(": {cause}")),
    }
}

/// A guest that was refused memory often fails with words of its own; the limit goes with them.
pub(super) fn named_limit(failure: Failure, store: &Store<Guest>, limits: &Limits) -> Failure {
    if !store.data().growth.memory_refused {
        return failure;
    }
    let limit = limits.memory_in_words();
    let message = format!("The action needed more than its memory limit of {limit}: {}", failure.message);
    Failure::new(FailureKind::Limit, message)
}

pub(super) fn too_much_output(limits: &Limits) -> Failure {
    let limit = limits.output_in_words();
    let message = format!("The action answered more than its output limit of {limit}; hand it fewer records at once.");
    Failure::new(FailureKind::Limit, message)
}
