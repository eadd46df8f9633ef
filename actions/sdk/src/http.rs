//! Requests to HTTP servers. A module that uses this requests the grant `http`.
//!
//! ```ignore
//! let response = http::Request::post("https://api.example.com/orders").json(&order)?.send()?.success()?;
//! let created: Created = response.json()?;
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
        Err(host::Error::Denied(message)) => Err(Error::Denied(message)),
        Err(host::Error::Invalid(message)) => Err(Error::Invalid(message)),
        Err(host::Error::Unreachable(message)) => Err(Error::Unreachable(message)),
        Err(host::Error::TimedOut(message)) => Err(Error::TimedOut(message)),
        Err(host::Error::Limit(message)) => Err(Error::Limit(message)),
    }
}

/// In the tests of an action, the test provides the response.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn send(request: &Request) -> Result<Response, Error> {
    crate::testing::fake::send(request)
}

#[cfg(test)]
mod tests;
