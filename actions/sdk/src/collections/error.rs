//! Why nothing was read or written.

use std::fmt;

use crate::Failure;

/// Why nothing was read or written. Each holds one sentence with the cure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The grant does not allow it.
    Denied(String),
    /// The call is wrong: a name, a key, a record or criteria.
    Invalid(String),
    /// The store is away: trying again may help.
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
        let (Error::Denied(said) | Error::Invalid(said) | Error::Unavailable(said)) = self;
        f.write_str(said)
    }
}

impl std::error::Error for Error {}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure { temporary: error.is_temporary(), ..Failure::new(error.to_string()) }
    }
}
