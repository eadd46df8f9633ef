//! How long the history is kept, and what it says of earlier results.

use std::time::Duration;

use crate::model::Instant;
use crate::model::result::JobResult;
use crate::model::status::Status;

/// How long the history is kept. A result stays if it is younger than `age` or among the newest `results` of its job;
/// so do the last success and the last failure of each job, and results from which a result that stays took over lines
/// (see [`JobResult::root`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// For how long results are kept at least.
    pub age: Duration,
    /// How many results of each job are kept at least.
    pub results: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { age: Duration::from_secs(30 * 24 * 3600), results: 1000 }
    }
}

/// Results with one of these statuses are of one kind: the last of each kind stays, however old it is.
pub const KINDS: [&[Status]; 2] = [&[Status::Success, Status::Info], &[Status::Error]];

/// What decides whether a result is removed.
#[derive(Debug, Clone, Copy)]
pub struct RetentionFacts {
    /// When it was accepted.
    pub created_at: Instant,
    /// Its status.
    pub status: Status,
    /// Whether its job, in that version, was deleted.
    pub of_deleted_job: bool,
    /// Whether it is among the newest of its job that stay.
    pub is_among_newest: bool,
    /// Whether it is the last of its job of its [kind](KINDS).
    pub is_last_of_kind: bool,
}

impl Retention {
    /// Whether a result is older than the age up to which every result is kept.
    pub fn is_past(&self, created_at: Instant, now: Instant) -> bool {
        (now - created_at).to_std().is_ok_and(|age| age > self.age)
    }

    /// Whether a result is removed, unless another depends on it. Of a deleted job, only recent results are kept.
    pub fn removes(&self, past: RetentionFacts, now: Instant) -> bool {
        let stays = !past.of_deleted_job && (past.is_among_newest || past.is_last_of_kind);
        past.status.is_final() && self.is_past(past.created_at, now) && !stays
    }
}

/// How many of the newest results with each status are searched for the last success: at least one of them is not a
/// late retry of an older result.
pub const LATEST: usize = 20;

/// Whether a result that has ended sets `since` of the next one.
pub fn moves_last_success(result: &JobResult) -> bool {
    let success = matches!(result.status, Status::Success | Status::Info);
    let counts = success && result.is_real() && result.started_at.is_some();
    counts && moves_since(result.retry_of.is_some(), result.now == result.created_at)
}

/// Whether a successful result sets `since` of the next one. A retry does not if its clock reading differs from that of
/// the lines that it took over.
pub fn moves_since(is_retry: bool, means_the_present: bool) -> bool {
    !is_retry || !means_the_present
}
