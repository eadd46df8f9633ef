//! A request, as it is put together.

use std::time::Duration;

use serde::Serialize;

use super::{Error, Response};
use crate::Failure;

/// A request. Nothing happens until it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// An absolute URL with the scheme `http` or `https`.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// What is sent; none for nothing.
    pub body: Option<Vec<u8>>,
    /// How long the whole answer may take; at most, and without it, what the host allows.
    pub timeout: Option<Duration>,
}

impl Request {
    /// A request with this method.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Request {
        Request { method: method.into(), url: url.into(), headers: Vec::new(), body: None, timeout: None }
    }

    /// Asks for something.
    pub fn get(url: impl Into<String>) -> Request {
        Request::new("GET", url)
    }

    /// Hands something over.
    pub fn post(url: impl Into<String>) -> Request {
        Request::new("POST", url)
    }

    /// Puts something in its place.
    pub fn put(url: impl Into<String>) -> Request {
        Request::new("PUT", url)
    }

    /// Changes a part of something.
    pub fn patch(url: impl Into<String>) -> Request {
        Request::new("PATCH", url)
    }

    /// Removes something.
    pub fn delete(url: impl Into<String>) -> Request {
        Request::new("DELETE", url)
    }

    /// With one header more.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Request {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Whether a header of this name, in any case, is set.
    pub fn has_header(&self, name: &str) -> bool {
        self.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
    }

    /// With these bytes as body.
    pub fn body(self, body: impl Into<Vec<u8>>) -> Request {
        Request { body: Some(body.into()), ..self }
    }

    /// With this text as body, and its content type unless one is set.
    pub fn text(self, text: impl Into<String>) -> Request {
        self.typed("text/plain; charset=utf-8").body(text.into())
    }

    /// With this value as JSON, and its content type unless one is set.
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Result<Request, Failure> {
        let body = serde_json::to_vec(value)
            .map_err(|error| Failure::new(format!("The body for {} cannot be written as JSON: {error}", self.url)))?;
        Ok(self.typed("application/json").body(body))
    }

    /// Waits at most so long for the whole answer.
    pub fn timeout(self, timeout: Duration) -> Request {
        Request { timeout: Some(timeout), ..self }
    }

    /// Sends it and waits for the whole answer, of whatever status.
    pub fn send(&self) -> Result<Response, Error> {
        super::send(self)
    }

    fn typed(self, kind: &str) -> Request {
        if self.has_header("content-type") { self } else { self.header("content-type", kind) }
    }
}
