//! Headers: which may be sent, and how answered ones are shown.

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};

use super::error::Error;
use super::limits::{Limits, size_in_words};
use super::redact::clip;

/// Headers that frame the message or belong to the connection.
const OWNED: [HeaderName; 8] = [CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// The same, without constants of their own. `x-forwarded-…` and the like are the caller's.
const OWNED_TOO: [&str; 2] = ["keep-alive", "http2-settings"];

/// Headers in which some servers look for the method they act on.
const OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];

/// Reads the headers of a request.
///
/// # Errors
/// `Invalid` and `Limit`; values are never shown, since they may be secrets.
pub(super) fn read(headers: &[(String, String)], limits: &Limits) -> Result<HeaderMap, Error> {
    let bytes = headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    if headers.len() > limits.header_count || bytes > limits.header_bytes {
        let (count, size) = (limits.header_count, size_in_words(limits.header_bytes));
        return Err(Error::Limit(format!("A request may have {count} headers of {size} in all: send fewer.")));
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
    let cure = "write letters, digits and hyphens, such as `X-Request-Id`";
    let read: HeaderName =
        name.parse().map_err(|_| Error::Invalid(format!("`{shown}` is no name for a header: {cure}.")))?;
    let text = read.as_str();
    if OWNED.contains(&read) || OWNED_TOO.contains(&text) || text.starts_with("proxy-") {
        return Err(Error::Invalid(format!("The header `{shown}` is written by the host: leave it out.")));
    }
    Ok(read)
}

fn read_value(name: &HeaderName, value: &str) -> Result<HeaderValue, Error> {
    let cure = "write visible ASCII letters without line breaks, and encode all others";
    // Other letters would be read as Latin-1 here and as UTF-8 there.
    let read = value.is_ascii().then(|| HeaderValue::from_str(value).ok()).flatten();
    read.ok_or_else(|| Error::Invalid(format!("The value of the header `{name}` cannot be sent: {cure}.")))
}

/// The methods that a server may act on instead of the one in the first line.
pub(super) fn overriding_methods(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let values = OVERRIDES.iter().flat_map(|name| headers.get_all(*name));
    values.map(|value| value.to_str().unwrap_or_default().trim().to_ascii_uppercase())
}

/// Whether a server may act on the method that stands in this header.
pub(super) fn overrides_the_method(name: &str) -> bool {
    OVERRIDES.iter().any(|other| name.eq_ignore_ascii_case(other))
}

/// Names in lower case, and values; those that are not UTF-8 are read as Latin-1.
pub(super) fn shown(headers: &HeaderMap) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes()))).collect()
}

fn text(bytes: &[u8]) -> String {
    let latin = || bytes.iter().copied().map(char::from).collect();
    str::from_utf8(bytes).map_or_else(|_| latin(), str::to_owned)
}
