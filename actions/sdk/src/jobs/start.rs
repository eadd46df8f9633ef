//! Builds starts of jobs.

use serde_json::{Map, Value};

use super::Error;
use crate::Records;

/// A start of a job.
#[derive(Clone, Debug)]
pub struct Start {
    /// Key of the job.
    pub job: String,
    /// The arguments of the job. Its defaults apply to arguments that are missing.
    pub arguments: Map<String, Value>,
    /// The set of the job's first line.
    pub records: Option<Records>,
    /// The title of the result.
    pub title: Option<String>,
}

impl Start {
    /// A start without arguments and records.
    pub fn of(job: impl Into<String>) -> Start {
        Start { job: job.into(), arguments: Map::new(), records: None, title: None }
    }

    /// Adds an argument.
    pub fn argument(mut self, name: impl Into<String>, value: impl Into<Value>) -> Start {
        self.arguments.insert(name.into(), value.into());
        self
    }

    /// Sets all arguments.
    pub fn arguments(self, arguments: Map<String, Value>) -> Start {
        Start { arguments, ..self }
    }

    /// Sets the records for the job's first line.
    pub fn records(self, records: Records) -> Start {
        Start { records: Some(records), ..self }
    }

    /// Sets the title of the result.
    pub fn title(self, title: impl Into<String>) -> Start {
        Start { title: Some(title.into()), ..self }
    }

    /// Starts the job and returns the id of its result, without waiting for its end. It happens
    /// only once for a line: the same call in a later attempt gets the id of the same result.
    pub fn now(&self) -> Result<String, Error> {
        super::send(self, false)
    }

    /// Like [`Start::now`], for a job that the line waits for with [`wait`](super::wait). If the
    /// job result of the line is killed, the started job is killed too.
    pub fn awaited(&self) -> Result<String, Error> {
        super::send(self, true)
    }
}
