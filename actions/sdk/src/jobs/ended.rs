//! How a started job ended.

use crate::Records;

/// How a job ended that an action started and waited for.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The id of its result.
    pub id: String,
    /// Key of the job.
    pub job: String,
    /// `success`, `info`, `warning`, `error` or `killed`.
    pub status: String,
    /// One sentence for a clerk.
    pub message: String,
    /// What its last line passed on, if that was asked for and it did not fail.
    pub records: Option<Records>,
}

impl Ended {
    /// Whether it ended in error or was killed.
    pub fn failed(&self) -> bool {
        matches!(self.status.as_str(), "error" | "killed")
    }
}
