//! Runs an action without a host, in its tests.
//!
//! A [`host`] of the test answers the calls of capabilities:
//!
//! ```ignore
//! let host = testing::host();
//! host.answer(|request| Ok(http::Response::new(201)));
//! let report = testing::run::<Send>(json!({"url": "https://example.com"}), &[json!([{"id": 1}])])?;
//! assert_eq!(host.requests().len(), 1);
//! ```

pub(crate) mod fake;
mod host;

pub use host::{Host, host};

use serde_json::{Value, json};

use crate::{Action, Context, Failure, Outcome, Records};

/// The context of a line that runs at noon on 2 March 2026 in Madrid.
pub fn context() -> Context {
    let object = |value: Value| value.as_object().cloned().unwrap_or_default();
    Context {
        job_result: "0198".to_owned(),
        line_no: 10,
        attempt: 1,
        idempotency_key: "0198/10".to_owned(),
        now: "2026-03-02T12:00:00+01:00".to_owned(),
        since: None,
        organization: "acme".to_owned(),
        arguments: object(json!({"top": 5})),
        dates: object(json!({
            "today": "2026-03-02", "yesterday": "2026-03-01", "tomorrow": "2026-03-03",
            "now": "2026-03-02T12:00:00+01:00",
            "startOfWeek": "2026-03-02", "endOfWeek": "2026-03-08",
            "startOfMonth": "2026-03-01", "endOfMonth": "2026-03-31",
            "startOfQuarter": "2026-01-01", "endOfQuarter": "2026-03-31",
            "startOfYear": "2026-01-01", "endOfYear": "2026-12-31"
        })),
        dry_run: false,
    }
}

/// The outcome of a whole line.
#[derive(Debug)]
pub struct Report {
    /// The records after the line, a JSON array.
    pub records: Value,
    /// The outcome of each call; the last one is that of `close`.
    pub outcomes: Vec<Outcome>,
}

impl Report {
    /// The line's message.
    pub fn message(&self) -> &str {
        let message = self.outcomes.iter().rev().find_map(|outcome| outcome.message.as_deref());
        message.unwrap_or_default()
    }

    /// Position and reason of the rejected records, batch by batch.
    pub fn rejected(&self) -> Vec<(u32, &str)> {
        let rejected = self.outcomes.iter().flat_map(|outcome| &outcome.rejected);
        rejected.map(|rejection| (rejection.index, rejection.reason.as_str())).collect()
    }
}

/// Runs a line over batches (JSON arrays of records).
pub fn run<A: Action>(parameters: Value, batches: &[Value]) -> Result<Report, Failure> {
    run_in::<A>(parameters, batches, &context())
}

/// Like [`run`], with another context.
pub fn run_in<A: Action>(parameters: Value, batches: &[Value], context: &Context) -> Result<Report, Failure> {
    let parameters = serde_json::from_value(parameters).map_err(|error| Failure::new(error.to_string()))?;
    let mut action = A::open(parameters, context)?;
    let mut records = Vec::new();
    let mut outcomes = Vec::new();
    for batch in batches {
        let outcome = action.take(Records::from_text(batch.to_string()))?;
        records.extend(remaining(batch, &outcome)?);
        outcomes.push(outcome);
    }
    let closed = action.close()?;
    records.extend(closed.records.as_ref().map_or(Ok(Vec::new()), Records::values)?);
    outcomes.push(closed);
    Ok(Report { records: Value::Array(records), outcomes })
}

fn remaining(batch: &Value, outcome: &Outcome) -> Result<Vec<Value>, Failure> {
    if let Some(records) = &outcome.records {
        return records.values();
    }
    let kept = batch.as_array().into_iter().flatten().enumerate();
    let kept = kept.filter(|(at, _)| outcome.rejected.iter().all(|rejection| rejection.index as usize != *at));
    Ok(kept.map(|(_, record)| record.clone()).collect())
}
