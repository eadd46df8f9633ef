//! A start, as it is put together.

use serde_json::{Map, Value};

use super::Error;
use crate::Records;

/// A start of a job.
#[derive(Clone, Debug)]
pub struct Start {
    /// Key of the job.
    pub job: String,
    /// What the job is told; its defaults fill what is left out.
    pub arguments: Map<String, Value>,
    /// The set of its first line.
    pub records: Option<Records>,
    /// What to call the result.
    pub title: Option<String>,
}

impl Start {
    /// A start without arguments and records.
    pub fn of(job: impl Into<String>) -> Start {
        Start { job: job.into(), arguments: Map::new(), records: None, title: None }
    }

    /// With one argument more.
    pub fn argument(mut self, name: impl Into<String>, value: impl Into<Value>) -> Start {
        self.arguments.insert(name.into(), value.into());
        self
    }

    /// With these arguments.
    pub fn arguments(self, arguments: Map<String, Value>) -> Start {
        Start { arguments, ..self }
    }

    /// With these records as the set of its first line.
    pub fn records(self, records: Records) -> Start {
        Start { records: Some(records), ..self }
    }

    /// With a name for the result.
    pub fn title(self, title: impl Into<String>) -> Start {
        Start { title: Some(title.into()), ..self }
    }

    /// Starts the job and answers the id of its result, without waiting for its end.
    /// Happens once for a line: the same call in a later attempt answers the same result.
    pub fn now(&self) -> Result<String, Error> {
        super::send(self, false)
    }

    /// Starts the job as [`Start::now`] does, so that [`wait`](super::wait) answers how it has ended. If
    /// the result of this line is killed, the job is killed too.
    pub fn awaited(&self) -> Result<String, Error> {
        super::send(self, true)
    }
}
