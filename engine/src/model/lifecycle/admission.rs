//! Results of one job that would overlap: what happens to a new one, and which begins when one ends.

use crate::model::Instant;
use crate::model::overlap::Overlap;
use crate::model::result::{JobResult, ResultId};
use crate::model::status::{Event, Refusal, Status, next};

/// The oldest results of a job that have not ended. Dry runs and notifications do not count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unfinished {
    /// The oldest that others wait for.
    pub ahead: Option<ResultId>,
    /// The oldest that waits for others.
    pub behind: Option<ResultId>,
}

impl Unfinished {
    /// The oldest of all.
    pub fn oldest(&self) -> Option<ResultId> {
        self.ahead.into_iter().chain(self.behind).min()
    }

    /// The result that may begin, now that another has ended; none if nothing waits, or if another is still ahead.
    pub fn promoted(&self) -> Option<ResultId> {
        self.behind.filter(|_| self.ahead.is_none())
    }
}

/// What happens to a new result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It may begin.
    Ready,
    /// It waits for the others of its job.
    Behind,
    /// It ends at once, because this one has not ended.
    Skipped(ResultId),
    /// It may begin, and the others of its job are killed.
    Replaces,
}

/// What happens to a new result of a job whose oldest unfinished result is `oldest`.
pub fn admit(new: &JobResult, overlap: Overlap, oldest: Option<ResultId>) -> Admission {
    let Some(oldest) = oldest.filter(|_| new.is_real() && !new.status.is_final()) else { return Admission::Ready };
    match overlap {
        Overlap::Allow => Admission::Ready,
        Overlap::Queue => Admission::Behind,
        Overlap::Skip => Admission::Skipped(oldest),
        Overlap::Replace => Admission::Replaces,
    }
}

/// Ends a result that is skipped because an earlier one has not ended.
pub fn skipped(result: &mut JobResult, other: ResultId, at: Instant) -> Result<(), Refusal> {
    result.status = next(result.status, Event::End(Status::Info))?;
    result.message = format!("Skipped: the job result {} of the same job had not ended.", other.0);
    result.finished_at = Some(at);
    Ok(())
}
