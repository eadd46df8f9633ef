//! An answer.

use serde::de::DeserializeOwned;

use super::moment;
use crate::Failure;

/// Most of an answer that is quoted in a failure, in characters.
const QUOTED: usize = 200;

/// An answer, of whatever status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names in lower case, and values, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
    /// Where the answer came from, after redirects.
    pub url: String,
}

impl Response {
    /// An answer of this status without anything in it, for tests.
    pub fn new(status: u16) -> Response {
        Response { status, ..Response::default() }
    }

    /// With one header more, for tests.
    pub fn with_header(mut self, name: &str, value: &str) -> Response {
        self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// With this body, for tests.
    pub fn with_body(self, body: impl Into<Vec<u8>>) -> Response {
        Response { body: body.into(), ..self }
    }

    /// Whether the status is 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first value of a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> Result<&str, Failure> {
        std::str::from_utf8(&self.body).map_err(|_| Failure::new(format!("The answer from {} is no UTF-8", self.url)))
    }

    /// The body, read as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Failure::new(format!("The answer from {} is not the JSON expected: {error}", self.url)))
    }

    /// The answer itself if its status is a success, else what the status means.
    pub fn success(self) -> Result<Response, Failure> {
        if self.is_success() { Ok(self) } else { Err(self.failure()) }
    }

    /// The failure of a request whose status was not expected: temporary if the status is
    /// ([`Response::is_temporary`]), and then not to be tried again before `Retry-After`.
    pub fn failure(&self) -> Failure {
        let message = format!("{} answered {}{}", self.url, reason(self.status), self.quoted());
        match self.is_temporary() {
            true => Failure::temporary(message, self.retry_after()),
            false => Failure::new(message),
        }
    }

    /// Whether the same request may succeed later: 408, 425, 429, 500, 502, 503, 504.
    pub fn is_temporary(&self) -> bool {
        matches!(self.status, 408 | 425 | 429 | 500 | 502..=504)
    }

    /// Seconds to wait before trying again, as the server says in `Retry-After`. A date is
    /// measured from the server's own `Date`, because there is no running clock here.
    pub fn retry_after(&self) -> Option<u32> {
        let after = self.header("retry-after")?.trim();
        if let Ok(seconds) = after.parse() {
            return Some(seconds);
        }
        let wait = moment::seconds(after)? - moment::seconds(self.header("date")?)?;
        u32::try_from(wait.max(0)).ok()
    }

    /// The beginning of the body, in which most servers explain themselves.
    fn quoted(&self) -> String {
        let text = String::from_utf8_lossy(&self.body[..self.body.len().min(4 * QUOTED)]);
        let words: Vec<&str> = text.split_whitespace().collect();
        let text = words.join(" ");
        if text.is_empty() || text.starts_with('<') {
            return String::new();
        }
        let short: String = text.chars().take(QUOTED).collect();
        let more = if short.len() < text.len() || self.body.len() > 4 * QUOTED { "…" } else { "" };
        format!(": {short}{more}")
    }
}

/// `404 Not Found`; only the number where it has no common name.
pub fn reason(status: u16) -> String {
    let name = match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        418 => "I'm a teapot",
        422 => "Unprocessable Content",
        425 => "Too Early",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => return status.to_string(),
    };
    format!("{status} {name}")
}
