//! Headers: which ones may be sent, and how those of a response become text.

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};

use super::error::Error;
use super::limits::{Limits, size_in_words};
use super::redact::clip;

/// Headers that frame the message or belong to the connection, so callers cannot set them.
const OWNED: [HeaderName; 8] = [CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// More of them, for which `http` has no constants. Callers may set `x-forwarded-…` and the like.
const OWNED_TOO: [&str; 2] = ["keep-alive", "http2-settings"];

/// Headers that make some servers act on another method than that of the request.
const OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];

/// Reads the headers of a request.
///
/// # Errors
/// `Invalid` and `Limit`; values are never shown, since they may be secrets.
pub(super) fn read(headers: &[(String, String)], limits: &Limits) -> Result<HeaderMap, Error> {
    let bytes = headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    if headers.len() > limits.header_count || bytes > limits.header_bytes {
        let (count, size) = (limits.header_count, size_in_words(limits.header_bytes));
        return Err(Error::Limit(format!(
            "The request has more than {count} headers, or more than {size} of headers: send fewer."
        )));
    }
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let name = read_name(name)?;
        let value = read_value(&name, value)?;
        map.append(name, value);
    }
    Ok(map)
}

/// Reads the name of a header that the caller may send.
///
/// # Errors
/// `Invalid`.
pub(super) fn read_name(name: &str) -> Result<HeaderName, Error> {
    let shown = clip(name);
    let cure = "use letters, digits and hyphens, such as in `X-Request-Id`";
    let read: HeaderName =
        name.parse().map_err(|_| Error::Invalid(format!("`{shown}` is not a valid header name: {cure}.")))?;
    let text = read.as_str();
    if OWNED.contains(&read) || OWNED_TOO.contains(&text) || text.starts_with("proxy-") {
        return Err(Error::Invalid(format!("The header `{shown}` is set by Ropewalk itself: leave it out.")));
    }
    Ok(read)
}

fn read_value(name: &HeaderName, value: &str) -> Result<HeaderValue, Error> {
    let cure = "use printable ASCII characters without line breaks, and encode all others";
    // Some servers read other characters as Latin-1, some as UTF-8.
    let read = value.is_ascii().then(|| HeaderValue::from_str(value).ok()).flatten();
    read.ok_or_else(|| Error::Invalid(format!("The value of the header `{name}` cannot be sent: {cure}.")))
}

/// The methods that a server may act on instead of the one in the first line.
pub(super) fn overriding_methods(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let values = OVERRIDES.iter().flat_map(|name| headers.get_all(*name));
    values.map(|value| value.to_str().unwrap_or_default().trim().to_ascii_uppercase())
}

/// Whether a server may act on the method that is the value of this header.
pub(super) fn overrides_the_method(name: &str) -> bool {
    OVERRIDES.iter().any(|other| name.eq_ignore_ascii_case(other))
}

/// Names in lower case, and values; those that are not UTF-8 are read as Latin-1.
pub(super) fn to_text(headers: &HeaderMap) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), decode(value.as_bytes()))).collect()
}

fn decode(bytes: &[u8]) -> String {
    let latin = || bytes.iter().copied().map(char::from).collect();
    str::from_utf8(bytes).map_or_else(|_| latin(), str::to_owned)
}
