//! Where, when and for whom a line runs.

use serde_json::{Map, Value};

use crate::Failure;
use crate::bindings::exports::ropewalk::action::actions as wit;

/// Where, when and for whom a line runs. Only `attempt` differs between attempts.
#[derive(Clone, Debug)]
pub struct Context {
    /// Id of the job result.
    pub job_result: String,
    /// Number of the line in its job.
    pub line_no: u32,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// Identifies this line of this job result; the same in every attempt. Send it with every effect
    /// that must not happen twice.
    pub idempotency_key: String,
    /// The one clock reading of the job result, RFC 3339 with offset, in the job's time zone.
    pub now: String,
    /// The start of the job's last full success, RFC 3339.
    pub since: Option<String>,
    /// Key of the organization.
    pub organization: String,
    /// The arguments that were passed when the job was started.
    pub arguments: Map<String, Value>,
    /// `today`, `startOfWeek` and the other date variables, as strings.
    pub dates: Map<String, Value>,
    /// True in a dry run: effects are only described, not carried out.
    pub dry_run: bool,
}

impl Context {
    pub(crate) fn read(context: wit::Context) -> Result<Context, Failure> {
        Ok(Context {
            job_result: context.job_result,
            line_no: context.line_no,
            attempt: context.attempt,
            idempotency_key: context.idempotency_key,
            now: context.now,
            since: context.since,
            organization: context.organization,
            arguments: object("arguments", &context.arguments)?,
            dates: object("dates", &context.dates)?,
            dry_run: context.dry_run,
        })
    }
}

#[cfg(test)]
impl Context {
    /// The context as the host passes it.
    pub(crate) fn to_wire(&self) -> wit::Context {
        wit::Context {
            job_result: self.job_result.clone(),
            line_no: self.line_no,
            attempt: self.attempt,
            idempotency_key: self.idempotency_key.clone(),
            now: self.now.clone(),
            since: self.since.clone(),
            organization: self.organization.clone(),
            arguments: Value::Object(self.arguments.clone()).to_string(),
            dates: Value::Object(self.dates.clone()).to_string(),
            dry_run: self.dry_run,
        }
    }
}

fn object(what: &str, text: &str) -> Result<Map<String, Value>, Failure> {
    serde_json::from_str(text)
        .map_err(|error| Failure::new(format!("The {what} in the context are not a JSON object: {error}")))
}
