//! Occasions: the reasons for which a result is reported.

use std::time::Duration;

use crate::model::result::JobResult;
use crate::model::status::Status;

/// Why a result is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// The result ended with this status.
    Ended(Status),
    /// The result went well, and the result before did not.
    Recovered,
    /// The result took too long.
    Slow,
}

/// What notification rules need to know about a result that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Its final status.
    pub status: Status,
    /// The final status of the previous result of the same job; none for the first result.
    pub previous: Option<Status>,
    /// The time from its first beginning to its end; none if it never began.
    pub duration: Option<Duration>,
}

impl Occasion {
    /// The word used in files and in records.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ended(status) => status.word(),
            Self::Recovered => "recovered",
            Self::Slow => "slow",
        }
    }

    /// The occasion with this word in `on`.
    pub fn from_word(word: &str) -> Option<Self> {
        if word == Self::Recovered.word() {
            return Some(Self::Recovered);
        }
        // Only lines can be `skipped`, results cannot.
        let status = Status::from_word(word).filter(|status| status.is_final() && *status != Status::Skipped);
        status.map(Self::Ended)
    }
}

impl Ended {
    /// The end of this result; `previous` is the final status of the result before it.
    pub fn of(result: &JobResult, previous: Option<Status>) -> Self {
        Self { status: result.status, previous, duration: took(result) }
    }

    pub(super) fn recovered(&self) -> bool {
        let well = matches!(self.status, Status::Success | Status::Info);
        well && matches!(self.previous, Some(Status::Error | Status::Killed))
    }
}

/// The time from the first beginning of a result to its end.
pub(super) fn took(result: &JobResult) -> Option<Duration> {
    (result.finished_at? - result.started_at?).to_std().ok()
}
