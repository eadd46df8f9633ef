//! The connections of the server: how many there are, and how long each may take.
//!
//! hyper has no limit for a client that sends half a header, or does not read its answer. So the bytes of each
//! connection are watched: a request has to arrive in time, an answer has to be read at some pace, and a connection
//! on which nothing happens is closed. When there are too many connections, those that wait for a request are closed,
//! the oldest first.

mod acceptor;
mod connection;
mod limits;
mod registry;
mod request_tracker;
mod timed_stream;

pub(crate) use acceptor::LimitedAcceptor;
pub(crate) use connection::Connection;
pub use limits::Limits;
pub(crate) use registry::Connections;
pub(crate) use request_tracker::RequestTracker;
