//! The bindings of the contract in `wit/`, and the way between them and the engine's types.

use ::engine::model::action::{ActionSpec, Intake};
use ::engine::ports::actions::{Failure, FailureKind, LineContext, Severity};
use exports::ropewalk::action::actions as wit;

wasmtime::component::bindgen!({
    path: "wit",
    world: "module",
    exports: { default: async },
});

pub(super) use exports::ropewalk::action::actions::Outcome;
pub(super) use ropewalk::host::log;

/// What a module says of one action; the schema is checked to be JSON.
pub(super) fn spec(module: &str, spec: wit::ActionSpec) -> Result<ActionSpec, String> {
    let parameters = values::json::parse(spec.parameters.as_bytes(), values::json::Bounds::default());
    let parameters =
        parameters.map_err(|fault| format!("the schema of action `{}` is not JSON: {fault}", spec.name))?;
    let intake = match spec.intake {
        wit::Intake::Batches => Intake::Batches,
        wit::Intake::Whole => Intake::Whole,
        wit::Intake::None => Intake::None,
    };
    Ok(ActionSpec {
        module: module.to_owned(),
        name: spec.name,
        title: spec.title,
        summary: spec.summary,
        parameters,
        intake,
    })
}

pub(super) fn context(context: LineContext) -> wit::Context {
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

pub(super) fn severity(severity: wit::Severity) -> Severity {
    match severity {
        wit::Severity::Success => Severity::Success,
        wit::Severity::Info => Severity::Info,
        wit::Severity::Warning => Severity::Warning,
    }
}

pub(super) fn failure(failure: wit::Failure) -> Failure {
    let kind = match failure.kind {
        wit::FailureKind::Temporary(retry_after) => FailureKind::Temporary { retry_after },
        wit::FailureKind::Final => FailureKind::Final,
    };
    Failure::new(kind, failure.message)
}
