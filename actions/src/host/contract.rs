//! The bindings of the contract in `wit/`, and conversions between its types and the engine's.

use ::engine::ports::actions::{Failure, FailureKind, LineContext, Severity};
pub(super) use exports::ropewalk::action::actions as wit;

wasmtime::component::bindgen!({
    path: "wit",
    world: "module",
    imports: {
        "ropewalk:host/http@1.0.0": async | trappable,
        "ropewalk:host/collections@1.0.0": async | trappable,
        "ropewalk:host/jobs@1.0.0": async | trappable,
    },
    exports: { default: async },
});

pub(super) use exports::ropewalk::action::actions::Outcome;
pub(super) use ropewalk::host::{collections, http, jobs, log};

pub(super) fn to_wit_context(context: &LineContext) -> wit::Context {
    let context = context.clone();
    wit::Context {
        job_result: context.job_result,
        line_no: context.line_no,
        attempt: context.attempt,
        idempotency_key: context.idempotency_key,
        now: context.now,
        since: context.since,
        organization: context.organization,
        arguments: context.arguments.to_string(),
        dates: context.dates.to_string(),
        dry_run: context.dry_run,
    }
}

pub(super) fn read_severity(severity: wit::Severity) -> Severity {
    match severity {
        wit::Severity::Success => Severity::Success,
        wit::Severity::Info => Severity::Info,
        wit::Severity::Warning => Severity::Warning,
    }
}

pub(super) fn read_failure(failure: wit::Failure) -> Failure {
    let kind = match failure.kind {
        wit::FailureKind::Temporary(retry_after) => FailureKind::Temporary { retry_after },
        wit::FailureKind::Final => FailureKind::Final,
    };
    Failure::new(kind, failure.message)
}
