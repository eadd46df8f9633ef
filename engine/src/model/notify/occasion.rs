//! Why a result is told of.

use std::time::Duration;

use crate::model::result::JobResult;
use crate::model::status::Status;

/// Why a result is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// It ended with this status.
    Ended(Status),
    /// It went well, and the one before did not.
    Recovered,
    /// It took long.
    Slow,
}

/// What rules need to know of a result that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// How it ended.
    pub status: Status,
    /// How the one of the same job before it ended; none if it is the first.
    pub previous: Option<Status>,
    /// From its first beginning to its end; none if it never began.
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

    /// What a word stands for in `on`.
    pub fn from_word(word: &str) -> Option<Self> {
        if word == Self::Recovered.word() {
            return Some(Self::Recovered);
        }
        // Results are never `skipped`; lines are.
        let status = Status::from_word(word).filter(|status| status.is_final() && *status != Status::Skipped);
        status.map(Self::Ended)
    }
}

impl Ended {
    /// How this result ended, after one that ended so.
    pub fn of(result: &JobResult, previous: Option<Status>) -> Self {
        Self { status: result.status, previous, duration: took(result) }
    }

    pub(super) fn recovered(&self) -> bool {
        let well = matches!(self.status, Status::Success | Status::Info);
        well && matches!(self.previous, Some(Status::Error | Status::Killed))
    }
}

/// From the first beginning of a result to its end.
pub(super) fn took(result: &JobResult) -> Option<Duration> {
    (result.finished_at? - result.started_at?).to_std().ok()
}
