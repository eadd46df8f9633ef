//! `wasi:http/outgoing-handler`: the same requests as `ropewalk:host/http`, for components that
//! were not written for Ropewalk.

use std::sync::Arc;

use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::egress::Request;
use crate::host::effects::Effects;
use crate::host::effects::exchange::{ExchangeError, ExchangeResponse, exchange};
use crate::host::limits::in_words;

/// Sends the requests of guests that use `wasi:http`.
pub(super) struct Hooks {
    effects: Arc<Effects>,
}

impl Hooks {
    pub(super) fn of(effects: &Arc<Effects>) -> Self {
        Self { effects: Arc::clone(effects) }
    }
}

/// Work that goes on while a body is read. There is none, because the whole body is in memory.
type Rest = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sent = Result<(http::Response<WasiBody>, Rest), Error>;

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Rest,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let effects = Arc::clone(&self.effects);
        Box::new(async move { send(&effects, request, options).await })
    }
}

async fn send(effects: &Effects, incoming: http::Request<WasiBody>, options: Option<RequestOptions>) -> Sent {
    let (parts, body) = incoming.into_parts();
    let body = collect(body, effects.limits().http.request_body).await?;
    let request = Request {
        headers: read_headers(&parts.headers)?,
        body: (!body.is_empty()).then(|| body.into()),
        // The guest gets the response as a whole, so its first byte arrives with its last one.
        timeout: options.and_then(|options| options.first_byte_timeout),
        // With `wasi:http`, the guest follows redirects itself.
        follow: false,
        ..Request::new(parts.method.as_str(), parts.uri.to_string())
    };
    let answer = exchange(effects, request).await.map_err(to_wasi_error)?;
    if !effects.hold_response(answer.body.len()) {
        let most = in_words(effects.limits().held);
        let message = format!("The responses to this line have more than {most} in total; request less in one line.");
        return Err(Error::InternalError(Some(message)));
    }
    Ok((build_response(answer)?, Box::new(async { Ok(()) })))
}

/// Reads the whole body, up to the limit.
async fn collect(body: WasiBody, most: usize) -> Result<Bytes, Error> {
    let collected = Limited::new(body, most).collect().await;
    let collected = collected.map_err(|error| match error.downcast::<Error>() {
        Ok(error) => *error,
        Err(error) if error.is::<LengthLimitError>() => Error::HttpRequestBodySize(Some(most as u64)),
        Err(error) => Error::InternalError(Some(error.to_string())),
    });
    Ok(collected?.to_bytes())
}

/// The headers of a request, without those that the host sets itself.
fn read_headers(headers: &HeaderMap) -> Result<Vec<(String, String)>, Error> {
    let own = headers.iter().filter(|(name, _)| **name != HOST && **name != CONTENT_LENGTH);
    let texts = own.map(|(name, value)| match std::str::from_utf8(value.as_bytes()) {
        Ok(value) => Ok((name.to_string(), value.to_owned())),
        Err(_) => Err(Error::InternalError(Some(format!("The value of the header `{name}` is not UTF-8.")))),
    });
    texts.collect()
}

fn build_response(answer: ExchangeResponse) -> Result<http::Response<WasiBody>, Error> {
    let mut response = http::Response::new(Full::new(Bytes::from(answer.body)).map_err(Into::into).boxed_unsync());
    *response.status_mut() = http::StatusCode::from_u16(answer.status).map_err(|_| Error::HttpProtocolError)?;
    for (name, value) in answer.headers {
        let name = HeaderName::try_from(name).map_err(|_| Error::HttpProtocolError)?;
        let value = HeaderValue::try_from(value).map_err(|_| Error::HttpProtocolError)?;
        response.headers_mut().append(name, value);
    }
    Ok(response)
}

/// `wasi:http` has a text only for internal errors. The message of the line says what was denied.
fn to_wasi_error(error: ExchangeError) -> Error {
    match error {
        ExchangeError::Denied(_) => Error::HttpRequestDenied,
        ExchangeError::TimedOut(_) => Error::ConnectionTimeout,
        ExchangeError::Invalid(message) | ExchangeError::Unreachable(message) | ExchangeError::Limit(message) => {
            Error::InternalError(Some(message))
        }
    }
}
