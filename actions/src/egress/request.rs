//! Requests, as callers write them and as they are sent.

use std::time::Duration;

use http::Method;
use http::header::{ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use http_body_util::Full;
use hyper::body::Bytes;
use url::{Host, Position, Url};

use super::error::Error;
use super::headers;
use super::limits::{Limits, size_in_words};
use super::redact;

const AGENT: &str = concat!("ropewalk/", env!("CARGO_PKG_VERSION"));

/// Methods that are not allowed: they open a tunnel, or echo the headers with their credentials.
const NEVER: [&str; 3] = ["CONNECT", "TRACE", "TRACK"];

/// Longest method, in bytes; no longer one is in use.
const LONGEST_METHOD: usize = 32;

/// A request as a caller writes it.
#[derive(Clone)]
pub struct Request {
    /// `GET`, `POST`, … in capitals.
    pub method: String,
    /// An absolute URL with the scheme `http` or `https`, without user and password.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// Names of headers that never go to another origin, in addition to all headers that are not known
    /// to be harmless there.
    pub credentials: Vec<String>,
    /// The body, if there is one.
    pub body: Option<Vec<u8>>,
    /// How long to wait for the whole response. The limits apply if it is longer or missing.
    pub timeout: Option<Duration>,
    /// Whether redirects are followed, or returned as they are.
    pub follow: bool,
}

impl Request {
    /// A request without headers and body, that follows redirects.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        let (method, url) = (method.into(), url.into());
        Self { method, url, headers: vec![], credentials: vec![], body: None, timeout: None, follow: true }
    }

    /// Every method that a server may act on: the request's own, and those that headers name instead.
    pub fn methods(&self) -> impl Iterator<Item = String> {
        let overrides = self.headers.iter().filter(|(name, _)| headers::overrides_the_method(name));
        let others = overrides.map(|(_, value)| value.trim().to_ascii_uppercase());
        others.chain([self.method.clone()])
    }
}

/// A request that was checked, as one hop sends it.
#[derive(Clone)]
pub(super) struct Outgoing {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) host: Host<String>,
    pub(super) port: u16,
    pub(super) headers: HeaderMap,
    pub(super) credentials: Vec<HeaderName>,
    pub(super) body: Option<Bytes>,
}

impl Outgoing {
    /// Reads a request. The URL is parsed only here, so that nothing else can read it differently.
    pub(super) fn read(request: Request, limits: &Limits) -> Result<Self, Error> {
        let method = read_method(&request.method)?;
        let (url, host, port) = read_url(&request.url, limits)?;
        let mut headers = headers::read(&request.headers, limits)?;
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
        // Nothing is decompressed, so that a small response cannot become a large one.
        headers.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static("identity"));
        let credentials = request.credentials.iter().map(|name| headers::read_name(name)).collect::<Result<_, _>>()?;
        let body = request.body.map(Bytes::from);
        if body.as_ref().is_some_and(|body| body.len() > limits.request_body) {
            let size = size_in_words(limits.request_body);
            return Err(Error::Limit(format!("The body of the request has more than {size}: send it in parts.")));
        }
        Ok(Self { method, url, host, port, headers, credentials, body })
    }

    /// The host as grants name it: without brackets and without the dot of the root.
    pub(super) fn host_name(&self) -> String {
        match &self.host {
            Host::Domain(name) => name.trim_end_matches('.').to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        }
    }

    /// `POST https://api.example.com/orders`, without secrets.
    pub(super) fn shown(&self) -> String {
        format!("{} {}", self.method, redact::url(&self.url))
    }

    /// An empty body is announced too where one is usual, because some servers insist on it.
    fn announced_length(&self) -> Option<usize> {
        let usual = [Method::POST, Method::PUT, Method::PATCH].contains(&self.method);
        self.body.as_ref().map(Bytes::len).or(usual.then_some(0))
    }

    /// The message that goes over the connection.
    pub(super) fn message(&self) -> Result<http::Request<Full<Bytes>>, Error> {
        let cannot = || Error::Invalid(format!("{} cannot be sent: percent-encode its URL.", self.shown()));
        let host = HeaderValue::from_str(&self.url[Position::BeforeHost..Position::AfterPort]).map_err(|_| cannot())?;
        let body = Full::new(self.body.clone().unwrap_or_default());
        let target = &self.url[Position::BeforePath..Position::AfterQuery];
        let mut message =
            http::Request::builder().method(self.method.clone()).uri(target).body(body).map_err(|_| cannot())?;
        message.headers_mut().insert(HOST, host);
        message.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        if let Some(length) = self.announced_length() {
            message.headers_mut().insert(CONTENT_LENGTH, length.into());
        }
        message.headers_mut().extend(self.headers.clone());
        Ok(message)
    }
}

fn read_method(method: &str) -> Result<Method, Error> {
    let shown = redact::clip(method);
    let invalid = |cure| Error::Invalid(format!("`{shown}` is not a method that can be sent: {cure}."));
    let fits = !method.is_empty() && method.len() <= LONGEST_METHOD;
    // Grants name methods in capitals and would not recognize another spelling.
    if !fits || !method.bytes().all(|letter| letter.is_ascii_uppercase() || letter == b'-') {
        return Err(invalid("write it in capitals, such as GET or POST"));
    }
    if NEVER.contains(&method) {
        return Err(invalid("this method is never allowed; use another one, such as GET or POST"));
    }
    Method::from_bytes(method.as_bytes()).map_err(|_| invalid("write it in capitals, such as GET or POST"))
}

fn read_url(text: &str, limits: &Limits) -> Result<(Url, Host<String>, u16), Error> {
    if text.len() > limits.url {
        return Err(Error::Limit(format!(
            "The URL has more than {}: move some of its data to the body.",
            size_in_words(limits.url)
        )));
    }
    // The text is not shown, because any part of it may be a secret.
    let cure = "write an absolute URL, such as https://api.example.com/orders";
    let url = Url::parse(text).map_err(|error| Error::Invalid(format!("The URL cannot be read ({error}): {cure}.")))?;
    let (host, port) = check_url(&url).map_err(Error::Invalid)?;
    Ok((url, host, port))
}

/// The host and port of a URL that can be requested.
///
/// # Errors
/// One sentence.
pub(super) fn check_url(url: &Url) -> Result<(Host<String>, u16), String> {
    let scheme = redact::clip(url.scheme());
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("A URL with the scheme `{scheme}` cannot be requested: use `http` or `https`."));
    }
    if !url.username().is_empty() || url.password().is_some() {
        let shown = redact::url(url);
        return Err(format!("The URL {shown} has a user name before its host: send credentials in a header."));
    }
    let host = url.host().map(|host| host.to_owned()).zip(url.port_or_known_default());
    host.ok_or_else(|| "The URL has no host: write one after `//`.".to_owned())
}
