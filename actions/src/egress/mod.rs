//! The one way out: every capability that opens a connection goes through here.
//!
//! A name is resolved once, every address it stands for is tested, and the
//! connection goes to exactly the address that passed, at every redirect anew. The
//! `Dialer` is the only place that opens a socket; the `Client` speaks HTTP/1.1 on
//! top of it. A connection serves one request and is then closed, so that nothing
//! is ever shared between organizations, and a dropped call leaves nothing open.

pub mod address;
mod client;
mod deadline;
mod dial;
mod error;
mod exchange;
mod headers;
mod limits;
mod policy;
pub mod redact;
mod redirect;
mod request;
mod resolve;
mod response;
mod tls;

pub use client::Client;
pub use deadline::Deadline;
pub use dial::Dialer;
pub use error::Error;
pub use limits::Limits;
pub use policy::{Policy, Reach};
pub use request::Request;
pub use resolve::{Resolve, SystemResolver};
pub use response::{Hop, Response};
pub use tls::Trust;

#[cfg(test)]
mod tests;
