//! Crashes, and the isolation of results that may have caused them: each is performed with nothing else running on its
//! node, so that a further crash shows which one caused it.

use chrono::TimeDelta;

use crate::model::Instant;
use crate::model::fairness::Candidate;

/// How many crashes of its node in a row a result may be part of before it is isolated.
pub const CRASHES_BESIDE_OTHERS: u32 = 2;

/// How often a node may crash while only one line is running on it. After that, the line ends in error and is not run
/// again. One crash proves nothing: it may be a power cut.
pub const CRASHES_ALONE: u32 = 3;

/// How long results are isolated after a crash. It doubles with each further crash beside others, to find a line that
/// takes longer to crash its node.
pub const ISOLATION: TimeDelta = TimeDelta::seconds(30);

/// How often [`ISOLATION`] doubles at most: to 16 minutes.
const DOUBLINGS: u32 = 5;

/// The crashes of nodes on which a result was running, since it last waited or was released.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Crashes {
    /// Crashes while other results were running on the same node: any of them may be the cause.
    pub beside_others: u32,
    /// Crashes while nothing else was running on the node, in a row with the same line.
    pub alone: u32,
    /// The line that was running when the node crashed with nothing else; none if no line was.
    pub line: Option<u32>,
}

impl Crashes {
    /// Counts one more.
    #[must_use]
    pub fn add(self, running_line: Option<u32>, alone: bool) -> Self {
        if !alone {
            return Self { beside_others: self.beside_others + 1, ..self };
        }
        // A condemned line stays condemned, whatever crashes after it.
        let is_same = self.line == running_line || self.condemned().is_some();
        let before = if is_same { self } else { Self { alone: 0, line: running_line, ..self } };
        Self { alone: before.alone + 1, ..before }
    }

    /// Whether there were any.
    pub fn any(&self) -> bool {
        self.beside_others + self.alone > 0
    }

    /// The line that ends in error because of them.
    pub fn condemned(&self) -> Option<u32> {
        self.line.filter(|_| self.alone >= CRASHES_ALONE)
    }

    /// Whether the whole result is ended: because no line had begun, or because another line than the condemned one
    /// crashes its node too.
    pub fn gives_up(&self) -> bool {
        let most = if self.line.is_some() { 2 * CRASHES_ALONE } else { CRASHES_ALONE };
        self.alone >= most
    }

    /// Until when nothing else runs on the node of the result; none if it needs no isolation.
    pub fn isolated_until(&self, now: Instant) -> Option<Instant> {
        let further = self.beside_others.checked_sub(CRASHES_BESIDE_OTHERS)?;
        Some(now + ISOLATION * 2_i32.pow(further.min(DOUBLINGS)))
    }
}

/// What isolated results mean for a claim by a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Isolation {
    /// One is running on the node, and nothing else is claimed until this time.
    Running(Instant),
    /// The node has nothing running, and takes this one alone.
    Next(Candidate),
    /// Some wait until the node has nothing running.
    WaitsForIdle,
    /// There are none.
    Nothing,
}

impl Isolation {
    /// Decides: `isolated_until` says until when a result on the node is isolated, `first` is the first that waits and whose
    /// queue has room, and `is_free` whether the node has nothing running and may take something.
    pub fn decide(isolated_until: Option<Instant>, first: Option<Candidate>, is_free: bool) -> Self {
        match (isolated_until, first) {
            (Some(until), _) => Self::Running(until),
            (None, Some(first)) if is_free => Self::Next(first),
            (None, Some(_)) => Self::WaitsForIdle,
            (None, None) => Self::Nothing,
        }
    }
}
