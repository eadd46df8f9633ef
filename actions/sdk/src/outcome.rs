//! What came of a batch.

use serde::{Deserialize, Serialize};

use crate::bindings::exports::ropewalk::action::actions as wit;
use crate::{Failure, Records};

/// How well it went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Did its work.
    #[default]
    Success,
    /// There was nothing to do.
    Info,
    /// Done, but somebody should look at it.
    Warning,
}

/// A record that the action would not work on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// Position in the batch, from 0.
    pub index: u32,
    /// One sentence for the person who has to mend the record.
    pub reason: String,
}

/// What came of a batch, or of closing the line.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The records that go on instead; none leaves them as they were.
    pub records: Option<Records>,
    /// Records of the batch that leave the set.
    pub rejected: Vec<Rejection>,
    /// One sentence that a clerk can read. The last one given is the line's message.
    pub message: Option<String>,
    /// The worst one given is the line's.
    pub severity: Severity,
}

impl Outcome {
    /// The records go on as they were.
    pub fn unchanged() -> Outcome {
        Outcome::default()
    }

    /// These records go on instead.
    pub fn of(records: impl Into<Records>) -> Outcome {
        Outcome { records: Some(records.into()), ..Outcome::default() }
    }

    /// These records, of a type of one's own, go on instead.
    pub fn write<T: Serialize>(records: &[T]) -> Result<Outcome, Failure> {
        Ok(Outcome::of(Records::write(records)?))
    }

    /// With a sentence for the clerk.
    pub fn saying(self, message: impl Into<String>) -> Outcome {
        Outcome { message: Some(message.into()), ..self }
    }

    /// With records that leave the set.
    pub fn rejecting(self, rejected: Vec<Rejection>) -> Outcome {
        Outcome { rejected, ..self }
    }

    /// With another severity than success.
    pub fn with(self, severity: Severity) -> Outcome {
        Outcome { severity, ..self }
    }
}

impl From<Outcome> for wit::Outcome {
    fn from(outcome: Outcome) -> wit::Outcome {
        let rejected = outcome.rejected.into_iter();
        wit::Outcome {
            records: outcome.records.map(Records::into_text),
            rejected: rejected.map(|one| wit::Rejection { index: one.index, reason: one.reason }).collect(),
            message: outcome.message,
            severity: match outcome.severity {
                Severity::Success => wit::Severity::Success,
                Severity::Info => wit::Severity::Info,
                Severity::Warning => wit::Severity::Warning,
            },
        }
    }
}
