//! The limits of connections.

use std::time::Duration;

/// How many connections there may be, and how long each may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How many connections there may be.
    pub connections: usize,
    /// How many of them from one address. A proxy in front of the server counts as one address.
    pub from_one_address: usize,
    /// How long the header of a request may take to arrive, from its first byte.
    pub header: Duration,
    /// How long a connection stays open without a request.
    pub idle: Duration,
    /// In this time a client has to read at least [`Limits::pace`] bytes of its answer.
    pub write: Duration,
    /// See [`Limits::write`].
    pub pace: usize,
    /// Bytes that a WebSocket may send before its client is authenticated.
    pub before_greeting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 8192,
            from_one_address: 6144,
            header: Duration::from_secs(10),
            idle: Duration::from_secs(120),
            write: Duration::from_secs(10),
            pace: 320 * 1024,
            before_greeting: 4096,
        }
    }
}
