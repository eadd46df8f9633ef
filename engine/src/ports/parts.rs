//! Sets of records as a store keeps them for a job result: in parts, so that no set has to
//! fit into memory.

use super::actions::Severity;
use crate::model::record::{Records, Rejected};

/// What a part belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PartKind {
    /// The set that a line takes: kept before the first effect of a line, and for a line in error.
    Input,
    /// Records that join the set when the line begins: those that it rejected in the result that is retried.
    Joining,
    /// All records that a line passed on, if the job requires that.
    Output,
    /// Records that a line rejected, each as `{"record": …, "reason": …}`.
    Rejected,
}

impl PartKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Input, Self::Joining, Self::Output, Self::Rejected];

    /// Whether it stays when the line is done. The others are only needed to resume the result.
    pub fn is_kept(self) -> bool {
        matches!(self, Self::Output | Self::Rejected)
    }

    /// The word in the store.
    pub fn word(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Joining => "joining",
            Self::Output => "output",
            Self::Rejected => "rejected",
        }
    }

    /// The kind with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// A part of a set: some of its records, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The line.
    pub line_no: u32,
    /// What it belongs to.
    pub kind: PartKind,
    /// Its position among the parts of the set, from 0.
    pub part: u32,
    /// The records.
    pub records: Records,
}

/// A batch of a line with effects that is done.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchDone {
    /// The line.
    pub line_no: u32,
    /// Its position among the batches of the line, from 0.
    pub batch: u32,
    /// How many records it had.
    pub taken: u32,
    /// The records that it passed on; none if it was passed on unchanged.
    pub records: Option<Records>,
    /// Its rejected records.
    pub rejected: Vec<Rejected>,
    /// The message of the action.
    pub message: Option<String>,
    /// How well it went.
    pub severity: Severity,
}
