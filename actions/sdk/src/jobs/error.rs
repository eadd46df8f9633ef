//! Why nothing was started.

use std::fmt;

use crate::Failure;

/// Why nothing was started. Each is one sentence that says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// No grant allows the call.
    Denied(String),
    /// There is no such job, or it does not accept what was passed.
    Invalid(String),
    /// The database is not available: trying again may help.
    Unavailable(String),
}

impl Error {
    /// Whether trying again may help.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Error::Unavailable(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Error::Denied(message) | Error::Invalid(message) | Error::Unavailable(message)) = self;
        f.write_str(message)
    }
}

impl std::error::Error for Error {}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure { temporary: error.is_temporary(), ..Failure::new(error.to_string()) }
    }
}
