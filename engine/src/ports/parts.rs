//! Sets of records as a store keeps them for a job result: in parts, so that no set has to
//! fit into memory.

use super::actions::Severity;
use crate::model::record::{Records, Rejected};

/// What a part belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PartKind {
    /// The set that a line takes: kept before a line with effects begins, and of a line in error.
    Input,
    /// Records that join the set when the line begins: what it had rejected in the result that is tried again.
    Joining,
    /// All records that a line passed on, where the job asks for that.
    Output,
    /// Records that a line rejected, each as `{"record": …, "reason": …}`.
    Rejected,
}

impl PartKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Input, Self::Joining, Self::Output, Self::Rejected];

    /// Whether it stays when the line is done; the others are only there to go on from.
    pub fn is_kept(self) -> bool {
        matches!(self, Self::Output | Self::Rejected)
    }

    /// The word that stores use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Joining => "joining",
            Self::Output => "output",
            Self::Rejected => "rejected",
        }
    }

    /// The kind that a word stands for.
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
    /// Its place among the parts of the same kind, from 0.
    pub part: u32,
    /// The records.
    pub records: Records,
}

/// A batch of a line with effects that is done.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchDone {
    /// The line.
    pub line_no: u32,
    /// Its place among the batches of the line, from 0.
    pub batch: u32,
    /// How many records it had.
    pub taken: u32,
    /// What went on of it; none if that is all of it, as it was.
    pub records: Option<Records>,
    /// What was rejected of it.
    pub rejected: Vec<Rejected>,
    /// What the action said.
    pub message: Option<String>,
    /// How well it went.
    pub severity: Severity,
}
