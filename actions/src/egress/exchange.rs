//! One request and its answer over one connection.

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

/// Head and body of an answer.
pub(super) type Answer = (Parts, Vec<u8>);

/// Sends a request and reads the answer. The body is read if the head says that it is `wanted`.
/// Connection and conversation are one future: dropping it closes the connection.
pub(super) async fn exchange<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    outgoing: &Outgoing,
    limits: &Limits,
    deadline: Deadline,
    wanted: impl Fn(&Parts) -> bool,
) -> Result<Answer, Error> {
    let message = outgoing.message()?;
    let talk = Talk { shown: outgoing.shown(), limits, deadline };
    let shaken = builder(limits).handshake(TokioIo::new(stream)).await;
    let (sender, connection) = shaken.map_err(|error| talk.broken(&error))?;
    // What ends the connection early also ends the conversation, which tells it better.
    let conversation = talk.hold(sender, message, wanted);
    while_driving(conversation, async { drop(connection.await) }).await
}

fn builder(limits: &Limits) -> Builder {
    let mut builder = Builder::new();
    builder
        .max_headers(limits.header_count)
        .max_header_size(limits.header_bytes)
        .max_buf_size(limits.header_bytes.max(SMALLEST_BUFFER));
    builder
}

/// Waits for the work, and keeps the connection going for as long.
async fn while_driving<T>(work: impl Future<Output = T>, connection: impl Future<Output = ()>) -> T {
    let (mut work, mut connection) = (pin!(work), pin!(connection));
    let mut is_open = true;
    loop {
        tokio::select! {
            // The request is handed over before the connection looks for an answer.
            biased;
            done = &mut work => return done,
            () = &mut connection, if is_open => is_open = false,
        }
    }
}

struct Talk<'a> {
    shown: String,
    limits: &'a Limits,
    deadline: Deadline,
}

impl Talk<'_> {
    async fn hold(
        &self,
        mut sender: SendRequest<Full<Bytes>>,
        message: http::Request<Full<Bytes>>,
        wanted: impl Fn(&Parts) -> bool,
    ) -> Result<Answer, Error> {
        let send = async { sender.send_request(message).await.map_err(|error| self.broken(&error)) };
        let answer = self.deadline.keep(&format!("Waiting for the answer to {}", self.shown), send).await?;
        let (head, body) = answer.into_parts();
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            let reason = "was answered with another protocol, which nobody asked for: see what listens there";
            return Err(Error::Unreachable(format!("{} {reason}.", self.shown)));
        }
        let body = if wanted(&head) { self.read(body).await? } else { Vec::new() };
        Ok((head, body))
    }

    async fn read(&self, body: Incoming) -> Result<Vec<u8>, Error> {
        self.deadline.keep(&format!("Reading the answer to {}", self.shown), self.collect(body)).await
    }

    /// An announced length is believed only to refuse it.
    async fn collect(&self, mut body: Incoming) -> Result<Vec<u8>, Error> {
        let limit = self.limits.response_body;
        let mut collected = Vec::new();
        if usize::try_from(body.size_hint().lower()).is_ok_and(|announced| announced <= limit) {
            while let Some(frame) = body.frame().await {
                let Ok(data) = frame.map_err(|error| self.broken(&error))?.into_data() else { continue };
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
        Error::Limit(format!("The answer to {} has more than {size}: ask for less at a time.", self.shown))
    }

    fn broken(&self, error: &hyper::Error) -> Error {
        let shown = &self.shown;
        if error.is_parse_too_large() {
            let (count, size) = (self.limits.header_count, size_in_words(self.limits.header_bytes));
            let cure = "ask its operator to send fewer";
            return Error::Limit(format!(
                "The answer to {shown} has more than {count} headers or {size} of them: {cure}."
            ));
        }
        Error::Unreachable(match error {
            _ if error.is_parse() => {
                format!("The answer to {shown} is not HTTP/1.1 ({error}): see what listens there.")
            }
            _ if error.is_incomplete_message() => {
                format!("The answer to {shown} broke off before its end: try again, or see why its server hangs up.")
            }
            _ => format!("{shown} broke off ({}): try again, or see why its server hangs up.", causes(error)),
        })
    }
}

/// `connection error: Connection reset by peer (os error 104)`.
fn causes(error: &hyper::Error) -> String {
    let deepest = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    clip(&format!("{error}{}", deepest.unwrap_or_default()))
}
