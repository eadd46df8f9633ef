//! One request and its response over one connection.

use std::future::Future;
use std::pin::pin;

use http::StatusCode;
use http::response::Parts;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::deadline::Deadline;
use super::error::Error;
use super::limits::{Limits, size_in_words};
use super::redact::clip;
use super::request::Outgoing;

/// The smallest buffer that hyper can read a head with.
const SMALLEST_BUFFER: usize = 8192;

/// Head and body of a response.
pub(super) type HeadAndBody = (Parts, Vec<u8>);

/// Sends a request and reads the response. The body is read only if `wants_body` says yes to the
/// head. The future drives the connection too, so dropping it closes the connection.
pub(super) async fn exchange<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    outgoing: &Outgoing,
    limits: &Limits,
    deadline: Deadline,
    wants_body: impl Fn(&Parts) -> bool,
) -> Result<HeadAndBody, Error> {
    let message = outgoing.message()?;
    let call = Call { shown: outgoing.shown(), limits, deadline };
    let opened = connection_builder(limits).handshake(TokioIo::new(stream)).await;
    let (sender, connection) = opened.map_err(|error| call.connection_error(&error))?;
    // What ends the connection early also ends the call, which has the better error message.
    let answering = call.send(sender, message, wants_body);
    while_driving(answering, async { drop(connection.await) }).await
}

fn connection_builder(limits: &Limits) -> Builder {
    let mut builder = Builder::new();
    builder
        .max_headers(limits.header_count)
        .max_header_size(limits.header_bytes)
        .max_buf_size(limits.header_bytes.max(SMALLEST_BUFFER));
    builder
}

/// Waits for the work, and drives the connection meanwhile.
async fn while_driving<T>(work: impl Future<Output = T>, connection: impl Future<Output = ()>) -> T {
    let (mut work, mut connection) = (pin!(work), pin!(connection));
    let mut is_open = true;
    loop {
        tokio::select! {
            // The request is sent before the connection waits for a response.
            biased;
            done = &mut work => return done,
            () = &mut connection, if is_open => is_open = false,
        }
    }
}

struct Call<'a> {
    shown: String,
    limits: &'a Limits,
    deadline: Deadline,
}

impl Call<'_> {
    async fn send(
        &self,
        mut sender: SendRequest<Full<Bytes>>,
        message: http::Request<Full<Bytes>>,
        wants_body: impl Fn(&Parts) -> bool,
    ) -> Result<HeadAndBody, Error> {
        let send = async { sender.send_request(message).await.map_err(|error| self.connection_error(&error)) };
        let answer = self.deadline.keep(&format!("Waiting for the response to {}", self.shown), send).await?;
        let (head, body) = answer.into_parts();
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            let cure = "check which server listens there";
            return Err(Error::Unreachable(format!(
                "The server answered {} by switching to another protocol, which was not requested: {cure}.",
                self.shown
            )));
        }
        let body = if wants_body(&head) { self.read(body).await? } else { Vec::new() };
        Ok((head, body))
    }

    async fn read(&self, body: Incoming) -> Result<Vec<u8>, Error> {
        self.deadline.keep(&format!("Reading the response to {}", self.shown), self.collect(body)).await
    }

    /// The announced length only serves to refuse a body early; the bytes are counted in any case.
    async fn collect(&self, mut body: Incoming) -> Result<Vec<u8>, Error> {
        let limit = self.limits.response_body;
        let mut collected = Vec::new();
        if usize::try_from(body.size_hint().lower()).is_ok_and(|announced| announced <= limit) {
            while let Some(frame) = body.frame().await {
                let Ok(data) = frame.map_err(|error| self.connection_error(&error))?.into_data() else { continue };
                if collected.len() + data.len() > limit {
                    return Err(self.too_large());
                }
                collected.extend_from_slice(&data);
            }
            return Ok(collected);
        }
        Err(self.too_large())
    }

    fn too_large(&self) -> Error {
        let size = size_in_words(self.limits.response_body);
        Error::Limit(format!("The response to {} has more than {size}: request less at a time.", self.shown))
    }

    fn connection_error(&self, error: &hyper::Error) -> Error {
        let shown = &self.shown;
        if error.is_parse_too_large() {
            let (count, size) = (self.limits.header_count, size_in_words(self.limits.header_bytes));
            let cure = "ask the operator of the server to send fewer";
            return Error::Limit(format!(
                "The response to {shown} has more than {count} headers, or more than {size} of headers: {cure}."
            ));
        }
        Error::Unreachable(match error {
            _ if error.is_parse() => {
                format!("The response to {shown} is not valid HTTP/1.1 ({error}): check which server listens there.")
            }
            _ if error.is_incomplete_message() => {
                format!(
                    "The response to {shown} is incomplete: try again, or find out why the server closes the connection."
                )
            }
            _ => format!(
                "The connection for {shown} was lost ({}): try again, or find out why the server closes it.",
                describe_causes(error)
            ),
        })
    }
}

/// `connection error: Connection reset by peer (os error 104)`.
fn describe_causes(error: &hyper::Error) -> String {
    let deepest = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    clip(&format!("{error}{}", deepest.unwrap_or_default()))
}
