//! Removes secrets from URLs that are shown in messages, in logs and on line results.

use url::{Host, Url};

/// A text that the server chose is cut off after this many characters.
const LONGEST: usize = 300;

/// Path segments of at least this length are treated as secrets if they look like one.
const SECRET: usize = 20;

/// The URL without user, password, fragment and query values. Path segments that look like tokens
/// are left out as well, because webhooks carry their tokens there.
pub fn url(url: &Url) -> String {
    let segments = url.path().split('/').map(|segment| if is_secret(segment) { "…" } else { segment });
    let path = segments.collect::<Vec<_>>().join("/");
    let query = url.query().map(|query| format!("?{}", redact_query(query))).unwrap_or_default();
    clip(&format!("{}{path}{query}", origin(url)))
}

/// `https://api.example.com:8443`.
fn origin(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
}

/// `page=…&…`: a part without a name may be a secret itself.
fn redact_query(query: &str) -> String {
    let parts = query.split('&').map(|part| match part.split_once('=') {
        Some((name, _)) if !is_secret(name) => format!("{name}=…"),
        _ => "…".to_owned(),
    });
    parts.collect::<Vec<_>>().join("&")
}

/// Whether a segment is long and mixes letters and digits, as tokens do.
fn is_secret(segment: &str) -> bool {
    let has = |kind: fn(&char) -> bool| segment.chars().any(|letter| kind(&letter));
    segment.len() >= SECRET && has(char::is_ascii_digit) && has(char::is_ascii_alphabetic)
}

/// `api.example.com:443`, `[::1]:80`.
pub(super) fn place(host: &Host<String>, port: u16) -> String {
    format!("{}:{port}", clip(&host.to_string()))
}

/// A text of bounded length without control characters, fit for a message.
pub(super) fn clip(text: &str) -> String {
    let mut letters = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    let mut clipped: String = letters.by_ref().take(LONGEST).collect();
    if letters.next().is_some() {
        clipped.push('…');
    }
    clipped
}
