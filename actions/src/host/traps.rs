//! Turns the trap that ended a call of a guest into the failure of the line.

use std::time::Duration;

use ::engine::ports::actions::{Failure, FailureKind};
use wasmtime::{Store, Trap};
use wasmtime_wasi::I32Exit;

use super::effects::TooManyCalls;
use super::guest::{Guest, Interrupted};
use super::limits::Limits;

/// The failure that a trap means.
pub(super) fn describe(store: &Store<Guest>, limits: &Limits, timeout: Duration, error: &wasmtime::Error) -> Failure {
    match error.downcast_ref::<Interrupted>() {
        Some(Interrupted::Cancelled) => return Failure::new(FailureKind::Cancelled, "The line was killed."),
        Some(Interrupted::OutOfTime) => return Failure::timed_out(timeout),
        None => {}
    }
    let limit = |message: String| Failure::new(FailureKind::Limit, message);
    let fault = |what: String| {
        let message = format!("The action crashed{what}; this is a fault of its module.");
        Failure::new(FailureKind::Trap, message)
    };
    if let Some(calls) = error.downcast_ref::<TooManyCalls>() {
        return limit(calls.to_string());
    }
    let limiter = &store.data().limiter;
    if limiter.memory_refused {
        let most = limits.memory_in_words();
        return limit(format!(
            "The action needed more than its memory limit of {most}; give it fewer records at once."
        ));
    }
    if limiter.table_refused {
        return limit(format!("The action needed a table of more than {} elements.", limits.table_elements));
    }
    let cause = error.root_cause().to_string();
    // wasmtime has no error types for these.
    if cause.contains("fuel allocated for hostcalls") {
        return too_much_output(limits);
    }
    if cause.contains("resource table has no free keys") {
        return limit(format!(
            "The action held more than {} streams and other resources of WASI at once.",
            limits.resources
        ));
    }
    if let Some(I32Exit(code)) = error.downcast_ref::<I32Exit>() {
        return fault(format!(" (it exited with code {code})"));
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => limit("The action called itself too deeply and ran out of stack.".to_owned()),
        Some(trap) => fault(format!(" (trap: {trap})")),
        None => fault(format!(": {cause}")),
    }
}

/// Adds the memory limit to the failure of a guest that was refused memory: its own message often
/// does not name the cause.
pub(super) fn name_limit(failure: Failure, store: &Store<Guest>, limits: &Limits) -> Failure {
    if !store.data().limiter.memory_refused {
        return failure;
    }
    let limit = limits.memory_in_words();
    let message = format!("The action needed more than its memory limit of {limit}: {}", failure.message);
    Failure::new(FailureKind::Limit, message)
}

pub(super) fn too_much_output(limits: &Limits) -> Failure {
    let limit = limits.output_in_words();
    let message = format!("The action returned more than its output limit of {limit}; give it fewer records at once.");
    Failure::new(FailureKind::Limit, message)
}
