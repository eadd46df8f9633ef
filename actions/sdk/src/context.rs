//! Where, when and for whom a line runs.

use serde_json::{Map, Value};

use crate::Failure;
use crate::bindings::exports::ropewalk::action::actions as wit;

/// Where, when and for whom a line runs. The same in every attempt, but `attempt`.
#[derive(Clone, Debug)]
pub struct Context {
    /// Id of the job result.
    pub job_result: String,
    /// Number of the line in its job.
    pub line_no: u32,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// Names this line of this job result. Send it along with every effect.
    pub idempotency_key: String,
    /// The one clock reading: RFC 3339 with offset, in the job's time zone.
    pub now: String,
    /// The start of the job's last full success, RFC 3339.
    pub since: Option<String>,
    /// Key of the organization.
    pub organization: String,
    /// The arguments that the start passed.
    pub arguments: Map<String, Value>,
    /// `today`, `startOfWeek` and the other date variables, as strings.
    pub dates: Map<String, Value>,
    /// True when effects are only to be described.
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
    /// The context as the host hands it over.
    pub(crate) fn written(&self) -> wit::Context {
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
        .map_err(|error| Failure::new(format!("The context's {what} are no JSON object: {error}")))
}
