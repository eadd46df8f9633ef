//! The one way out: every capability that opens a connection goes through here.
//!
//! A name is resolved once, every address that it resolves to is checked, and the
//! connection goes to exactly the address that passed. This is repeated at every
//! redirect. The `Dialer` is the only place that opens a socket; the `Client` speaks
//! HTTP/1.1 on top of it. A connection serves one request and is then closed, so
//! that organizations never share one, and a dropped call leaves nothing open.

pub mod address;
mod address_policy;
mod client;
mod deadline;
mod dial;
mod error;
mod exchange;
mod headers;
mod limits;
pub mod redact;
mod redirect;
mod request;
mod resolve;
mod response;
mod tls;

pub use address_policy::{AddressPolicy, Policy};
pub use client::Client;
pub use deadline::Deadline;
pub use dial::Dialer;
pub use error::Error;
pub use limits::Limits;
pub use request::Request;
pub use resolve::{Resolve, SystemResolver};
pub use response::{Hop, Response};
pub use tls::Trust;

#[cfg(test)]
mod tests;
