//! What a line may do outside of its sandbox, bound to its organization, the grants
//! of its module and its own identity. The host of modules calls it for a guest; who
//! implements it checks grants, dry run and idempotency.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::model::collection::{Change, Entries, Written};
use crate::model::grant::{Denial, Grants};
use crate::model::status::Status;

/// Why nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReachError {
    /// No grant allows it.
    #[error("{0}")]
    Denied(Denial),
    /// The call is wrong: one sentence with the cure.
    #[error("{0}")]
    Invalid(String),
    /// The store is away: trying again may help.
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
    /// What to call the result.
    pub title: Option<String>,
}

/// How a job ended that a line started and waited for.
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
    /// What its last line passed on, if that was asked for.
    pub records: Option<Vec<Value>>,
}

/// Which changing call of a line it is: the same in every attempt that comes to it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Call {
    /// The batch that is at work; none while the line is opened.
    pub batch: Option<u32>,
    /// Its place among the calls of the batch, from 0.
    pub number: u32,
}

/// The number under which a line is closed, after its last batch.
pub const CLOSING: u32 = u32::MAX;

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.batch {
            None => write!(f, "open.{}", self.number),
            Some(CLOSING) => write!(f, "close.{}", self.number),
            Some(batch) => write!(f, "{batch}.{}", self.number),
        }
    }
}

/// What one line may do.
#[async_trait]
pub trait Reach: Send + Sync {
    /// What is granted to the module of the line.
    fn grants(&self) -> &Grants;

    /// Called before anything outside is changed: sees to it that after a crash the line goes on
    /// from where it is, and not from an earlier place.
    ///
    /// # Errors
    /// Nothing may be changed: the line is no longer this worker's.
    async fn before_effect(&self) -> Result<(), ReachError>;

    /// The records with these keys, in their order.
    async fn get(&self, collection: &str, keys: Vec<String>) -> Result<Vec<Option<Value>>, ReachError>;

    /// A page of records that meet criteria, as in a filter's `where`.
    async fn find(
        &self,
        collection: &str,
        criteria: &Value,
        after: Option<String>,
        limit: u32,
    ) -> Result<Entries, ReachError>;

    /// Makes the changes that are not refused, once. In a dry run says what would come of them.
    async fn write(&self, collection: &str, changes: Vec<Change>, call: Call) -> Result<Written, ReachError>;

    /// Starts a job, once; gives the id of its result. In a dry run checks the start and
    /// gives none. A job that is `awaited` is killed if the line's own result is killed.
    async fn start(&self, start: JobStart, call: Call, awaited: bool) -> Result<Option<String>, ReachError>;

    /// How the awaited jobs that a batch started have ended, in the order of their starts. None if some
    /// have not ended: the line then has to fail, and is opened again when they have.
    async fn outcomes(&self, batch: Option<u32>, records: bool) -> Result<Option<Vec<Ended>>, ReachError>;
}

/// The reach of a line that may do nothing outside: for looking at parameters when a job is
/// saved, and for tests.
#[derive(Debug, Default)]
pub struct Nowhere {
    grants: Grants,
    asked: AtomicBool,
}

impl Nowhere {
    /// Whether anything was asked of it.
    pub fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    fn refuse<T>(&self) -> Result<T, ReachError> {
        self.asked.store(true, Ordering::Relaxed);
        Err(ReachError::Unavailable("There is nothing to reach here.".to_owned()))
    }
}

#[async_trait]
impl Reach for Nowhere {
    fn grants(&self) -> &Grants {
        self.asked.store(true, Ordering::Relaxed);
        &self.grants
    }

    async fn get(&self, _: &str, _: Vec<String>) -> Result<Vec<Option<Value>>, ReachError> {
        self.refuse()
    }

    async fn find(&self, _: &str, _: &Value, _: Option<String>, _: u32) -> Result<Entries, ReachError> {
        self.refuse()
    }

    async fn before_effect(&self) -> Result<(), ReachError> {
        self.refuse()
    }

    async fn write(&self, _: &str, _: Vec<Change>, _: Call) -> Result<Written, ReachError> {
        self.refuse()
    }

    async fn start(&self, _: JobStart, _: Call, _: bool) -> Result<Option<String>, ReachError> {
        self.refuse()
    }

    async fn outcomes(&self, _: Option<u32>, _: bool) -> Result<Option<Vec<Ended>>, ReachError> {
        self.refuse()
    }
}
