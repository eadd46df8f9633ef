//! Builds requests.

use std::time::Duration;

use serde::Serialize;

use super::{Error, Response};
use crate::Failure;

/// A request. Nothing happens before [`Request::send`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// An absolute URL with the scheme `http` or `https`.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body, if there is one.
    pub body: Option<Vec<u8>>,
    /// How long to wait for the whole response. The limit of the host applies if it is shorter,
    /// or if this is `None`.
    pub timeout: Option<Duration>,
}

impl Request {
    /// A request with this method.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Request {
        Request { method: method.into(), url: url.into(), headers: Vec::new(), body: None, timeout: None }
    }

    /// A GET request.
    pub fn get(url: impl Into<String>) -> Request {
        Request::new("GET", url)
    }

    /// A POST request.
    pub fn post(url: impl Into<String>) -> Request {
        Request::new("POST", url)
    }

    /// A PUT request.
    pub fn put(url: impl Into<String>) -> Request {
        Request::new("PUT", url)
    }

    /// A PATCH request.
    pub fn patch(url: impl Into<String>) -> Request {
        Request::new("PATCH", url)
    }

    /// A DELETE request.
    pub fn delete(url: impl Into<String>) -> Request {
        Request::new("DELETE", url)
    }

    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Request {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Whether a header with this name is set, in upper or lower case.
    pub fn has_header(&self, name: &str) -> bool {
        self.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
    }

    /// Sets these bytes as the body.
    pub fn body(self, body: impl Into<Vec<u8>>) -> Request {
        Request { body: Some(body.into()), ..self }
    }

    /// Sets this text as the body, and its content type unless one is set.
    pub fn text(self, text: impl Into<String>) -> Request {
        self.with_content_type("text/plain; charset=utf-8").body(text.into())
    }

    /// Sets this value as the body, in JSON, and its content type unless one is set.
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Result<Request, Failure> {
        let body = serde_json::to_vec(value)
            .map_err(|error| Failure::new(format!("The body for {} cannot be written as JSON: {error}", self.url)))?;
        Ok(self.with_content_type("application/json").body(body))
    }

    /// Limits how long to wait for the whole response.
    pub fn timeout(self, timeout: Duration) -> Request {
        Request { timeout: Some(timeout), ..self }
    }

    /// Sends the request and waits for the whole response, whatever its status is.
    pub fn send(&self) -> Result<Response, Error> {
        super::send(self)
    }

    fn with_content_type(self, kind: &str) -> Request {
        if self.has_header("content-type") { self } else { self.header("content-type", kind) }
    }
}
