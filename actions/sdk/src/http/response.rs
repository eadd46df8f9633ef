//! Responses.

use serde::de::DeserializeOwned;

use super::moment;
use crate::Failure;

/// How many characters of a response a failure quotes.
const QUOTED: usize = 200;

/// A response with any status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names in lower case and values, in the order in which they arrived.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
    /// The URL that gave the response, after redirects.
    pub url: String,
}

impl Response {
    /// An empty response with this status, for tests.
    pub fn new(status: u16) -> Response {
        Response { status, ..Response::default() }
    }

    /// Adds a header, for tests.
    pub fn with_header(mut self, name: &str, value: &str) -> Response {
        self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// Sets the body, for tests.
    pub fn with_body(self, body: impl Into<Vec<u8>>) -> Response {
        Response { body: body.into(), ..self }
    }

    /// Whether the status is 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first value of a header. Upper and lower case of the name do not matter.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> Result<&str, Failure> {
        std::str::from_utf8(&self.body)
            .map_err(|_| Failure::new(format!("The response from {} is not UTF-8", self.url)))
    }

    /// The body, read as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Failure::new(format!("The response from {} is not the expected JSON: {error}", self.url)))
    }

    /// The response if its status is a success, otherwise the failure that the status means.
    pub fn success(self) -> Result<Response, Failure> {
        if self.is_success() { Ok(self) } else { Err(self.failure()) }
    }

    /// The failure of a request whose status was not expected. It is temporary if the status is
    /// ([`Response::is_temporary`]); the next attempt then waits as `Retry-After` says.
    pub fn failure(&self) -> Failure {
        let message = format!("{} answered {}{}", self.url, reason(self.status), self.quote_body());
        match self.is_temporary() {
            true => Failure::temporary(message, self.retry_after()),
            false => Failure::new(message),
        }
    }

    /// Whether the same request may succeed later, which is so for 408, 425, 429, 500, 502, 503 and 504.
    pub fn is_temporary(&self) -> bool {
        matches!(self.status, 408 | 425 | 429 | 500 | 502..=504)
    }

    /// Seconds to wait before the next attempt, from the header `Retry-After`. A date in it is
    /// compared with the header `Date`, because guests have no running clock.
    pub fn retry_after(&self) -> Option<u32> {
        let after = self.header("retry-after")?.trim();
        if let Ok(seconds) = after.parse() {
            return Some(seconds);
        }
        let wait = moment::seconds(after)? - moment::seconds(self.header("date")?)?;
        u32::try_from(wait.max(0)).ok()
    }

    /// The beginning of the body, where most servers explain an error.
    fn quote_body(&self) -> String {
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

/// `404 Not Found`, or only the number if it has no common name.
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
