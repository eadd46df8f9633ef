//! The limits of one call. Every one is finite.

use std::time::Duration;

/// The limits of one call, redirects included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the URL.
    pub url: usize,
    /// Bytes of the body that is sent.
    pub request_body: usize,
    /// Bytes of the body of the response.
    pub response_body: usize,
    /// Headers of a request, and of a response.
    pub header_count: usize,
    /// Bytes of all headers of a request, and of the head of a response.
    pub header_bytes: usize,
    /// Redirects that are followed.
    pub redirects: usize,
    /// Time from the first lookup to the last byte.
    pub time: Duration,
    /// Time for resolving, connecting and the TLS handshake of one hop.
    pub connect: Duration,
}

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

impl Default for Limits {
    fn default() -> Self {
        Self {
            url: 8 * KIB,
            request_body: 16 * MIB,
            response_body: 16 * MIB,
            header_count: 100,
            header_bytes: 64 * KIB,
            redirects: 5,
            time: Duration::from_secs(60),
            connect: Duration::from_secs(10),
        }
    }
}

/// `16 MiB`, `64 KiB`, `300 bytes`.
pub(super) fn size_in_words(bytes: usize) -> String {
    match bytes {
        _ if bytes >= MIB && bytes.is_multiple_of(MIB) => format!("{} MiB", bytes / MIB),
        _ if bytes >= KIB && bytes.is_multiple_of(KIB) => format!("{} KiB", bytes / KIB),
        _ => format!("{bytes} bytes"),
    }
}

/// `10 s`, `250 ms`.
pub(super) fn time_in_words(time: Duration) -> String {
    let milliseconds = time.as_millis();
    if milliseconds.is_multiple_of(1000) { format!("{} s", milliseconds / 1000) } else { format!("{milliseconds} ms") }
}
