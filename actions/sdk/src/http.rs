//! Requests to HTTP servers. Using this module is the request for the grant `http`.
//!
//! ```ignore
//! let answer = http::Request::post("https://api.example.com/orders").json(&order)?.send()?.success()?;
//! let made: Made = answer.json()?;
//! ```

mod error;
mod moment;
mod request;
mod response;

pub use error::Error;
pub use request::Request;
pub use response::{Response, reason};

#[cfg(target_arch = "wasm32")]
use crate::bindings::ropewalk::host::http as host;

#[cfg(target_arch = "wasm32")]
pub(crate) fn send(request: &Request) -> Result<Response, Error> {
    let request = host::Request {
        method: request.method.clone(),
        url: request.url.clone(),
        headers: request.headers.clone(),
        body: request.body.clone(),
        timeout_ms: request.timeout.map(|timeout| u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX)),
    };
    match host::send(&request) {
        Ok(host::Response { status, headers, body, url }) => Ok(Response { status, headers, body, url }),
        Err(host::Error::Denied(said)) => Err(Error::Denied(said)),
        Err(host::Error::Invalid(said)) => Err(Error::Invalid(said)),
        Err(host::Error::Unreachable(said)) => Err(Error::Unreachable(said)),
        Err(host::Error::TimedOut(said)) => Err(Error::TimedOut(said)),
        Err(host::Error::Limit(said)) => Err(Error::Limit(said)),
    }
}

/// In an action's own tests, the test answers.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn send(request: &Request) -> Result<Response, Error> {
    crate::testing::fake::send(request)
}

#[cfg(test)]
mod tests;
