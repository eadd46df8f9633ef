//! The response to a request, and the requests that led to it.

use std::net::IpAddr;
use std::time::Duration;

/// A response with any status.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names in lower case, and values. Headers with the same name are next to each other, in the
    /// order in which they arrived.
    pub headers: Vec<(String, String)>,
    /// The whole body as it was received; nothing is decompressed.
    pub body: Vec<u8>,
    /// The URL that gave the response, after redirects.
    pub url: String,
    /// Every request that was sent; the last one gave the response.
    pub hops: Vec<Hop>,
    /// Time from the first lookup to the last byte.
    pub time: Duration,
}

/// One request of a call, without secrets.
#[derive(Debug, Clone)]
pub struct Hop {
    /// The method.
    pub method: String,
    /// The URL, without its secrets.
    pub url: String,
    /// The address that was connected to.
    pub address: IpAddr,
    /// The status code.
    pub status: u16,
    /// Time from the lookup to the last byte.
    pub time: Duration,
}
