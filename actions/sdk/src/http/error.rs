//! Why there is no response.

use std::fmt;

use crate::Failure;

/// Why there is no response. Each is one sentence that says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// No grant allows the call.
    Denied(String),
    /// The method, the URL or a header cannot be sent.
    Invalid(String),
    /// The server could not be reached, or it closed the connection: trying again may help.
    Unreachable(String),
    /// The request took too long: trying again may help.
    TimedOut(String),
    /// A limit was exceeded: on sizes, headers, redirects, or requests of one line.
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
        let (Error::Denied(message)
        | Error::Invalid(message)
        | Error::Unreachable(message)
        | Error::TimedOut(message)
        | Error::Limit(message)) = self;
        f.write_str(message)
    }
}

impl std::error::Error for Error {}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure { temporary: error.is_temporary(), ..Failure::new(error.to_string()) }
    }
}
