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
    /// One sentence for a reader without technical knowledge.
    pub message: String,
    /// The records of its last line, if they were requested and the job did not fail.
    pub records: Option<Records>,
}

impl Ended {
    /// Whether the job ended in error or was killed.
    pub fn failed(&self) -> bool {
        matches!(self.status.as_str(), "error" | "killed")
    }
}
