//! The outcome of a batch.

use serde::{Deserialize, Serialize};

use crate::bindings::exports::ropewalk::action::actions as wit;
use crate::{Failure, Records};

/// How well it went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The work was done.
    #[default]
    Success,
    /// There was nothing to do.
    Info,
    /// The work was done, but somebody should look at it.
    Warning,
}

/// A record that the action refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// Position in the batch, from 0.
    pub index: u32,
    /// One sentence for the person who has to correct the record.
    pub reason: String,
}

/// The outcome of a batch, or of closing the line.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The records that replace the batch; `None` leaves it as it was.
    pub records: Option<Records>,
    /// Records of the batch that leave the set.
    pub rejected: Vec<Rejection>,
    /// One sentence for a reader without technical knowledge. The last one becomes the line's message.
    pub message: Option<String>,
    /// The worst severity becomes that of the line.
    pub severity: Severity,
}

impl Outcome {
    /// Leaves the records as they were.
    pub fn unchanged() -> Outcome {
        Outcome::default()
    }

    /// Replaces the records with these.
    pub fn of(records: impl Into<Records>) -> Outcome {
        Outcome { records: Some(records.into()), ..Outcome::default() }
    }

    /// Replaces the records with these, which may be of any type that becomes a JSON object.
    pub fn write<T: Serialize>(records: &[T]) -> Result<Outcome, Failure> {
        Ok(Outcome::of(Records::write(records)?))
    }

    /// Sets the message.
    pub fn saying(self, message: impl Into<String>) -> Outcome {
        Outcome { message: Some(message.into()), ..self }
    }

    /// Sets the records that leave the set.
    pub fn rejecting(self, rejected: Vec<Rejection>) -> Outcome {
        Outcome { rejected, ..self }
    }

    /// Sets the severity.
    pub fn with(self, severity: Severity) -> Outcome {
        Outcome { severity, ..self }
    }
}

impl From<Outcome> for wit::Outcome {
    fn from(outcome: Outcome) -> wit::Outcome {
        let rejected = outcome.rejected.into_iter();
        wit::Outcome {
            records: outcome.records.map(Records::into_text),
            rejected: rejected
                .map(|rejection| wit::Rejection { index: rejection.index, reason: rejection.reason })
                .collect(),
            message: outcome.message,
            severity: match outcome.severity {
                Severity::Success => wit::Severity::Success,
                Severity::Info => wit::Severity::Info,
                Severity::Warning => wit::Severity::Warning,
            },
        }
    }
}
