//! Where a redirect leads, and which headers may go there.

use http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE,
    CONTENT_TYPE, HeaderMap, HeaderName, LOCATION, RANGE, USER_AGENT,
};
use http::{Method, StatusCode};
use url::Url;

use super::error::Error;
use super::limits::{Limits, size_in_words};
use super::redact;
use super::request::{Outgoing, check_url};

/// Headers that may be sent to another origin. Any other header may be a credential, whatever its
/// name is, and is left out.
const HARMLESS: [HeaderName; 10] = [
    ACCEPT,
    ACCEPT_ENCODING,
    ACCEPT_LANGUAGE,
    CACHE_CONTROL,
    CONTENT_DISPOSITION,
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_TYPE,
    RANGE,
    USER_AGENT,
];

/// More of them, for which `http` has no constants.
const HARMLESS_TOO: [&str; 4] = ["idempotency-key", "prefer", "traceparent", "x-request-id"];

/// Whether a response is a redirect that can be followed.
pub(super) fn is_redirect(status: StatusCode, headers: &HeaderMap) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) && headers.contains_key(LOCATION)
}

/// The request that a redirect asks for.
///
/// # Errors
/// `Refused` when the redirect leads where no request may go, and `Limit` when its URL is too long.
pub(super) fn follow(
    from: &Outgoing,
    status: StatusCode,
    headers: &HeaderMap,
    limits: &Limits,
) -> Result<Outgoing, Error> {
    let url = resolve_target(from, headers, limits)?;
    let refused =
        |reason: &str| Error::Refused(format!("{} redirects to a URL that is not allowed: {reason}", from.shown()));
    let (host, port) = check_url(&url).map_err(|reason| refused(&reason))?;
    if from.url.scheme() == "https" && url.scheme() == "http" {
        return Err(refused(
            "it leads from `https` back to `http`, which is not encrypted; have the server redirect to `https`.",
        ));
    }
    let mut next = Outgoing { url, host, port, ..from.clone() };
    if becomes_get(status, &from.method) {
        next.drop_body();
    }
    if !same_origin(from, &next) {
        next.drop_credentials();
    }
    Ok(next)
}

fn resolve_target(from: &Outgoing, headers: &HeaderMap, limits: &Limits) -> Result<Url, Error> {
    let location = headers.get(LOCATION).map(|value| value.as_bytes()).unwrap_or_default();
    if location.len() > limits.url {
        return Err(Error::Limit(format!(
            "{} redirects to a URL of more than {}: ask the operator of the server.",
            from.shown(),
            size_in_words(limits.url)
        )));
    }
    let joined = str::from_utf8(location).ok().and_then(|location| from.url.join(location).ok());
    joined.ok_or_else(|| {
        Error::Refused(format!(
            "{} redirects to something that is not a URL: ask the operator of the server.",
            from.shown()
        ))
    })
}

/// RFC 9110, section 15.4, in the way that clients have always understood it: only 307 and 308
/// keep a POST.
fn becomes_get(status: StatusCode, method: &Method) -> bool {
    match status.as_u16() {
        301 | 302 => *method == Method::POST,
        303 => *method != Method::GET && *method != Method::HEAD,
        _ => false,
    }
}

fn same_origin(one: &Outgoing, other: &Outgoing) -> bool {
    one.host == other.host && one.port == other.port && one.url.scheme() == other.url.scheme()
}

impl Outgoing {
    fn drop_body(&mut self) {
        self.method = Method::GET;
        self.body = None;
        self.keep_headers(|name| !name.as_str().starts_with("content-"));
    }

    fn drop_credentials(&mut self) {
        let credentials = self.credentials.clone();
        let harmless = |name: &HeaderName| HARMLESS.contains(name) || HARMLESS_TOO.contains(&name.as_str());
        self.keep_headers(|name| harmless(name) && !credentials.contains(name));
    }

    fn keep_headers(&mut self, keep: impl Fn(&HeaderName) -> bool) {
        let dropped: Vec<_> = self.headers.keys().filter(|name| !keep(name)).cloned().collect();
        for name in dropped {
            self.headers.remove(name);
        }
    }
}

/// Too many redirects, or a loop of them.
pub(super) fn too_many_redirects(at: &Outgoing, limits: &Limits) -> Error {
    let (most, last) = (limits.redirects, redact::url(&at.url));
    Error::Limit(format!(
        "The request was redirected more than {most} times, the last time by {last}: request the final URL directly."
    ))
}
