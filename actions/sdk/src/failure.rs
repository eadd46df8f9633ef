//! Why a line could not do its work.

use std::fmt;

use crate::bindings::exports::ropewalk::action::actions as wit;

/// Why a line could not do its work, and whether trying again may help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong, where, and what to do.
    pub message: String,
    /// Whether trying again may help.
    pub temporary: bool,
    /// Seconds to wait at least before the next attempt, if known.
    pub after: Option<u32>,
}

impl Failure {
    /// A failure that another attempt does not change.
    pub fn new(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), temporary: false, after: None }
    }

    /// A failure that may not happen again later, for example because a server was busy.
    pub fn temporary(message: impl Into<String>, after: Option<u32>) -> Failure {
        Failure { message: message.into(), temporary: true, after }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for wit::Failure {
    fn from(failure: Failure) -> wit::Failure {
        let kind = match failure.temporary {
            true => wit::FailureKind::Temporary(failure.after),
            false => wit::FailureKind::Final,
        };
        wit::Failure { kind, message: failure.message }
    }
}
