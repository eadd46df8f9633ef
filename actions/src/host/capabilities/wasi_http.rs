//! `wasi:http/outgoing-handler`: the same requests as `ropewalk:host/http`, for components that
//! know nothing of Ropewalk.

use std::sync::Arc;

use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::egress::Request;
use crate::host::limits::in_words;
use crate::host::outside::Outside;
use crate::host::outside::exchange::{Answer, NoAnswer, exchange};

/// What `wasi:http` asks when a guest sends a request.
pub(super) struct Hooks {
    outside: Arc<Outside>,
}

impl Hooks {
    pub(super) fn of(outside: &Arc<Outside>) -> Self {
        Self { outside: Arc::clone(outside) }
    }
}

/// What works on while a body is read: nothing, since it is there as a whole.
type Rest = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sent = Result<(http::Response<WasiBody>, Rest), Error>;

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Rest,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let outside = Arc::clone(&self.outside);
        Box::new(async move { send(&outside, request, options).await })
    }
}

async fn send(outside: &Outside, request: http::Request<WasiBody>, options: Option<RequestOptions>) -> Sent {
    let (parts, body) = request.into_parts();
    let body = collect(body, outside.limits().http.request_body).await?;
    let asked = Request {
        headers: headers(&parts.headers)?,
        body: (!body.is_empty()).then(|| body.into()),
        // The answer comes as a whole, so its first byte comes with its last one.
        timeout: options.and_then(|options| options.first_byte_timeout),
        // Redirects are the business of the guest here, which asks for each anew.
        follow: false,
        ..Request::new(parts.method.as_str(), parts.uri.to_string())
    };
    let answer = exchange(outside, asked).await.map_err(error)?;
    if !outside.hold(answer.body.len()) {
        let told = format!("The answers of one line have more than {}.", in_words(outside.limits().held));
        return Err(Error::InternalError(Some(told)));
    }
    Ok((response(answer)?, Box::new(async { Ok(()) })))
}

/// The whole body, within its limit.
async fn collect(body: WasiBody, most: usize) -> Result<Bytes, Error> {
    let collected = Limited::new(body, most).collect().await;
    let collected = collected.map_err(|error| match error.downcast::<Error>() {
        Ok(error) => *error,
        Err(error) if error.is::<LengthLimitError>() => Error::HttpRequestBodySize(Some(most as u64)),
        Err(error) => Error::InternalError(Some(error.to_string())),
    });
    Ok(collected?.to_bytes())
}

/// What the host sets itself is left out.
fn headers(headers: &HeaderMap) -> Result<Vec<(String, String)>, Error> {
    let own = headers.iter().filter(|(name, _)| **name != HOST && **name != CONTENT_LENGTH);
    let texts = own.map(|(name, value)| match std::str::from_utf8(value.as_bytes()) {
        Ok(value) => Ok((name.to_string(), value.to_owned())),
        Err(_) => Err(Error::InternalError(Some(format!("The header `{name}` is not UTF-8.")))),
    });
    texts.collect()
}

fn response(answer: Answer) -> Result<http::Response<WasiBody>, Error> {
    let mut response = http::Response::new(Full::new(Bytes::from(answer.body)).map_err(Into::into).boxed_unsync());
    *response.status_mut() = http::StatusCode::from_u16(answer.status).map_err(|_| Error::HttpProtocolError)?;
    for (name, value) in answer.headers {
        let name = HeaderName::try_from(name).map_err(|_| Error::HttpProtocolError)?;
        let value = HeaderValue::try_from(value).map_err(|_| Error::HttpProtocolError)?;
        response.headers_mut().append(name, value);
    }
    Ok(response)
}

/// `wasi:http` has no text but for internal errors; the line tells what was denied.
fn error(error: NoAnswer) -> Error {
    match error {
        NoAnswer::Denied(_) => Error::HttpRequestDenied,
        NoAnswer::TimedOut(_) => Error::ConnectionTimeout,
        NoAnswer::Invalid(told) | NoAnswer::Unreachable(told) | NoAnswer::Limit(told) => {
            Error::InternalError(Some(told))
        }
    }
}
