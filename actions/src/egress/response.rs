//! What came back.

use std::net::IpAddr;
use std::time::Duration;

/// An answer, of whatever status.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names in lower case, and values. Those of one name stand together, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The whole body, as it was sent: nothing is decompressed.
    pub body: Vec<u8>,
    /// Where the answer came from, after redirects.
    pub url: String,
    /// Every request that was sent, the answered one last.
    pub hops: Vec<Hop>,
    /// From the first lookup to the last byte.
    pub time: Duration,
}

/// One request of a call, fit to be shown.
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
    /// From the lookup to the last byte.
    pub time: Duration,
}
