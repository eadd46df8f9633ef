//! Why there is no answer.

use std::fmt;

use crate::Failure;

/// Why there is no answer. Each holds one sentence with the cure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The grant does not allow it.
    Denied(String),
    /// The request is none: a URL or a header that cannot be sent.
    Invalid(String),
    /// The far side could not be reached, or broke off: trying again may help.
    Unreachable(String),
    /// It took too long: trying again may help.
    TimedOut(String),
    /// A limit was met: of size, headers, redirects, or requests of one line.
    Limit(String),
}

impl Error {
    /// Whether trying again may help.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Error::Unreachable(_) | Error::TimedOut(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Error::Denied(said)
        | Error::Invalid(said)
        | Error::Unreachable(said)
        | Error::TimedOut(said)
        | Error::Limit(said)) = self;
        f.write_str(said)
    }
}

impl std::error::Error for Error {}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure { temporary: error.is_temporary(), ..Failure::new(error.to_string()) }
    }
}
