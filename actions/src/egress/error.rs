//! Why a request got no response.

use ::engine::model::grant::Denial;

/// Why a call got no response. The sentence says where it failed and what to do, and leaves out
/// the secrets of its URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No grant allows the request. Nothing was resolved and nothing was sent.
    #[error("{0}")]
    Denied(Denial),
    /// The target is not allowed: an address that is neither public nor granted, or a redirect
    /// from `https` back to `http` or to another scheme. Trying again does not help.
    #[error("{0}")]
    Refused(String),
    /// The URL, the method or a header of the request cannot be sent.
    #[error("{0}")]
    Invalid(String),
    /// The server could not be reached or trusted, or it closed the connection. Trying again may help.
    #[error("{0}")]
    Unreachable(String),
    /// The call took too long. Trying again may help.
    #[error("{0}")]
    TimedOut(String),
    /// A limit on sizes, headers or redirects was exceeded.
    #[error("{0}")]
    Limit(String),
}
