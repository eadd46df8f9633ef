//! What a line may do outside of its sandbox, bound to its organization, the grants
//! of its module and its own identity. The host of modules calls it for a guest; who
//! implements it checks grants, dry run and idempotency.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::model::collection::{Change, Entries, Written};
use crate::model::grant::{Denial, Grants};

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

/// What one line may do. `call` counts the line's changing calls from 0, so that a call of a
/// later attempt that asks for the same is known again.
#[async_trait]
pub trait Reach: Send + Sync {
    /// What is granted to the module of the line.
    fn grants(&self) -> &Grants;

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
    async fn write(&self, collection: &str, changes: Vec<Change>, call: u32) -> Result<Written, ReachError>;

    /// Starts a job, once; gives the id of its result. In a dry run checks the start and
    /// gives none.
    async fn start(&self, start: JobStart, call: u32) -> Result<Option<String>, ReachError>;
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

    async fn write(&self, _: &str, _: Vec<Change>, _: u32) -> Result<Written, ReachError> {
        self.refuse()
    }

    async fn start(&self, _: JobStart, _: u32) -> Result<Option<String>, ReachError> {
        self.refuse()
    }
}
