//! The calls that the module of a line makes to the engine, bound to the organization, the grants of the module and the
//! identity of the line. The host of modules makes them for a guest; the implementation checks grants, dry run and
//! idempotency.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::model::collection::{Change, Entries, Written};
use crate::model::grant::{Denial, Grants};
use crate::model::status::Status;

/// Why a call did nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostCallError {
    /// No grant allows it.
    #[error("{0}")]
    Denied(Denial),
    /// The call is wrong: one sentence that says what to do.
    #[error("{0}")]
    Invalid(String),
    /// The store is unavailable: a retry may succeed.
    #[error("{0}")]
    Unavailable(String),
}

/// A job to be started by a line.
#[derive(Debug, Clone, Default)]
pub struct JobStart {
    /// Key of the job.
    pub job: String,
    /// Arguments; the job's defaults fill what is left out.
    pub arguments: Map<String, Value>,
    /// The set of its first line.
    pub records: Option<Vec<Value>>,
    /// A title for the result.
    pub title: Option<String>,
}

/// The end of a job that a line started and waited for.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// Id of its result.
    pub id: String,
    /// Key of the job.
    pub job: String,
    /// A final status.
    pub status: Status,
    /// One sentence for a clerk.
    pub message: String,
    /// The records that its last line passed on, if they were requested.
    pub records: Option<Vec<Value>>,
}

/// The position of a call with an effect: the same in every attempt that repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Call {
    /// The current batch; none while the line is opened.
    pub batch: Option<u32>,
    /// Its position among the calls of the batch, from 0.
    pub number: u32,
}

/// The number of the batch for calls while the line is closed, after its last batch.
pub const CLOSE_BATCH: u32 = u32::MAX;

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.batch {
            None => write!(f, "open.{}", self.number),
            Some(CLOSE_BATCH) => write!(f, "close.{}", self.number),
            Some(batch) => write!(f, "{batch}.{}", self.number),
        }
    }
}

/// The calls of one line.
#[async_trait]
pub trait HostCalls: Send + Sync {
    /// What is granted to the module of the line.
    fn grants(&self) -> &Grants;

    /// Called before every effect outside: saves a checkpoint, so that after a crash the result is resumed at this
    /// line.
    ///
    /// # Errors
    /// The effect must not happen: the line no longer belongs to this worker.
    async fn before_effect(&self) -> Result<(), HostCallError>;

    /// The records with these keys, in their order.
    async fn get(&self, collection: &str, keys: Vec<String>) -> Result<Vec<Option<Value>>, HostCallError>;

    /// A page of records that meet criteria, as in a filter's `where`.
    async fn find(
        &self,
        collection: &str,
        criteria: &Value,
        after: Option<String>,
        limit: u32,
    ) -> Result<Entries, HostCallError>;

    /// Makes the changes that are not refused, exactly once. A dry run only returns what would happen.
    async fn write(&self, collection: &str, changes: Vec<Change>, call: Call) -> Result<Written, HostCallError>;

    /// Starts a job exactly once, and returns the id of its result. A dry run checks the start and returns none. A job
    /// that is `awaited` is killed if the line's own result is killed.
    async fn start(&self, start: JobStart, call: Call, awaited: bool) -> Result<Option<String>, HostCallError>;

    /// The ends of the awaited jobs that a batch started, in the order of their starts. None if some have not ended:
    /// then the line has to fail, and is opened again when they have ended.
    async fn outcomes(&self, batch: Option<u32>, records: bool) -> Result<Option<Vec<Ended>>, HostCallError>;
}

/// Host calls that refuse everything: for checking parameters when a job is saved, and for tests.
#[derive(Debug, Default)]
pub struct NoHostCalls {
    grants: Grants,
    asked: AtomicBool,
}

impl NoHostCalls {
    /// Whether any call was made.
    pub fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    fn refuse<T>(&self) -> Result<T, HostCallError> {
        self.asked.store(true, Ordering::Relaxed);
        Err(HostCallError::Unavailable("No host call can be made here.".to_owned()))
    }
}

#[async_trait]
impl HostCalls for NoHostCalls {
    fn grants(&self) -> &Grants {
        self.asked.store(true, Ordering::Relaxed);
        &self.grants
    }

    async fn get(&self, _: &str, _: Vec<String>) -> Result<Vec<Option<Value>>, HostCallError> {
        self.refuse()
    }

    async fn find(&self, _: &str, _: &Value, _: Option<String>, _: u32) -> Result<Entries, HostCallError> {
        self.refuse()
    }

    async fn before_effect(&self) -> Result<(), HostCallError> {
        self.refuse()
    }

    async fn write(&self, _: &str, _: Vec<Change>, _: Call) -> Result<Written, HostCallError> {
        self.refuse()
    }

    async fn start(&self, _: JobStart, _: Call, _: bool) -> Result<Option<String>, HostCallError> {
        self.refuse()
    }

    async fn outcomes(&self, _: Option<u32>, _: bool) -> Result<Option<Vec<Ended>>, HostCallError> {
        self.refuse()
    }
}
