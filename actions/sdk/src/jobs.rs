//! Starts other jobs of the organization. A module that uses this requests the grant
//! `jobs`.
//!
//! ```ignore
//! let result = jobs::start("dunning").argument("days", 30).records(records).now()?;
//! ```

mod ended;
mod error;
mod start;

pub use ended::Ended;
pub use error::Error;
pub use start::Start;

/// Builds a start of the job with this key. Nothing happens before [`Start::now`].
pub fn start(job: impl Into<String>) -> Start {
    Start::of(job)
}

/// How the jobs ended that this batch started with [`Start::awaited`], in the order of their starts.
/// It returns `None` while some of them have not ended; the action must then fail, and it gets the batch
/// once more when they have. With `records`, each has the records of its last line.
pub fn wait(records: bool) -> Result<Option<Vec<Ended>>, Error> {
    outcomes(records)
}

#[cfg(target_arch = "wasm32")]
fn outcomes(records: bool) -> Result<Option<Vec<Ended>>, Error> {
    use crate::bindings::ropewalk::host::jobs as host;
    let ended = |ended: host::Ended| Ended {
        id: ended.id,
        job: ended.job,
        status: ended.status,
        message: ended.message,
        records: ended.records.map(crate::Records::from_text),
    };
    let outcomes = host::wait(records).map_err(read_error)?;
    Ok(outcomes.map(|all| all.into_iter().map(ended).collect()))
}

#[cfg(not(target_arch = "wasm32"))]
fn outcomes(_: bool) -> Result<Option<Vec<Ended>>, Error> {
    crate::testing::fake::outcomes()
}

#[cfg(target_arch = "wasm32")]
fn read_error(error: crate::bindings::ropewalk::host::jobs::Error) -> Error {
    use crate::bindings::ropewalk::host::jobs as host;
    match error {
        host::Error::Denied(message) => Error::Denied(message),
        host::Error::Invalid(message) => Error::Invalid(message),
        host::Error::Unavailable(message) => Error::Unavailable(message),
    }
}

#[cfg(target_arch = "wasm32")]
pub(crate) fn send(start: &Start, awaited: bool) -> Result<String, Error> {
    use crate::bindings::ropewalk::host::jobs as host;
    let start = host::JobStart {
        job: start.job.clone(),
        arguments: serde_json::Value::Object(start.arguments.clone()).to_string(),
        records: start.records.as_ref().map(|records| records.text().to_owned()),
        title: start.title.clone(),
    };
    let started = if awaited { host::start_awaited(&start) } else { host::start(&start) };
    started.map_err(read_error)
}

/// In the tests of an action, the test sees what would be started.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn send(start: &Start, _: bool) -> Result<String, Error> {
    crate::testing::fake::start(start)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Failure, Records, testing};

    #[test]
    fn a_start_arrives_as_it_was_built() {
        let host = testing::host();
        let records = Records::from(vec![json!({"id": 1})]);
        let start = start("dunning").argument("days", 30).records(records).title("Thirty days");
        assert_eq!(start.now().expect("starts"), "result-1");
        let started = host.started();
        assert_eq!(started.len(), 1);
        assert_eq!((started[0].job.as_str(), started[0].title.as_deref()), ("dunning", Some("Thirty days")));
        assert_eq!(started[0].arguments.get("days"), Some(&json!(30)));
        assert_eq!(started[0].records.as_ref().map(Records::text), Some("[{\"id\":1}]"));
    }

    #[test]
    fn errors_become_failures_of_the_right_kind() {
        let host = testing::host();
        for (error, temporary) in [
            (Error::Denied("no".to_owned()), false),
            (Error::Invalid("no".to_owned()), false),
            (Error::Unavailable("no".to_owned()), true),
        ] {
            host.refuse_starts(error);
            let failure = Failure::from(start("x").now().expect_err("refused"));
            assert_eq!((failure.temporary, failure.message.as_str()), (temporary, "no"));
        }
        assert!(host.started().is_empty());
    }
}
