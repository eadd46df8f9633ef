//! Why there is no answer.

use ::engine::model::grant::Denial;

/// Why a call got no answer: a sentence with the place and the cure, without the secrets of its URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No grant allows it. Nothing was resolved and nothing was sent.
    #[error("{0}")]
    Denied(Denial),
    /// It leads where no call may go: to an address that is not public and not granted, from
    /// `https` back to `http`, to another scheme. Trying again does not help.
    #[error("{0}")]
    Refused(String),
    /// The request is none: a URL, a method or a header that cannot be sent.
    #[error("{0}")]
    Invalid(String),
    /// The far side could not be reached or trusted, or broke off. Trying again may help.
    #[error("{0}")]
    Unreachable(String),
    /// It took too long. Trying again may help.
    #[error("{0}")]
    TimedOut(String),
    /// A limit of size, number or redirects was met.
    #[error("{0}")]
    Limit(String),
}
