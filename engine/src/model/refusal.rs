//! Why a call of a service is refused: one type for all of them, which the API and the command line show as it is.

use std::fmt;
use std::time::Duration;

use super::fault::Fault;
use super::organization::OrganizationId;

/// What kind of refusal it is. Callers decide by it; its words are for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalCode {
    /// What was given is wrong; the path says where.
    Invalid,
    /// Somebody else changed it first.
    Conflict,
    /// There is no such thing in the organization.
    NotFound,
    /// The key is in use.
    Taken,
    /// The job result has already ended.
    AlreadyFinished,
    /// Something else needs it.
    InUse,
    /// The organization has used up a quota.
    QuotaReached,
    /// The caller has not the right to do this.
    Forbidden,
    /// The token or the signature is not valid.
    Unauthenticated,
    /// Others are doing the same now; trying again later helps.
    Busy,
}

/// A version of a job that uses a module or a filter template.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobUse {
    /// The organization of the job.
    pub organization: OrganizationId,
    /// Key of the job.
    pub job: String,
    /// Version of the job.
    pub version: u32,
}

impl fmt::Display for JobUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (version {})", self.job, self.version)
    }
}

/// One reason why nothing was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What kind.
    pub code: RefusalCode,
    /// Where: a path into what was given, or the name of an input; empty for the whole.
    pub path: String,
    /// What is wrong and what to do: a sentence.
    pub message: String,
    /// When it makes sense to try again, where that is known.
    pub retry_after: Option<Duration>,
    /// The jobs that prevent it.
    pub used_by: Vec<JobUse>,
}

impl Refusal {
    /// A refusal of one input, or of a place below it.
    pub fn new(code: RefusalCode, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, path: path.into(), message: message.into(), retry_after: None, used_by: Vec::new() }
    }

    /// Something is wrong at a place in what was given.
    pub fn invalid(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(RefusalCode::Invalid, path, message)
    }

    /// There is no job with this key.
    pub(crate) fn no_job(path: &str, key: &str) -> Self {
        Self::not_found(path, format!("There is no job `{key}` in this organization."))
    }

    /// There is no such thing.
    pub fn not_found(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(RefusalCode::NotFound, path, message)
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::invalid(fault.path, fault.message)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.message),
            path => write!(f, "{path}: {}", self.message),
        }
    }
}
