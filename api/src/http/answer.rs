//! Answers in JSON, and refusals with the status that HTTP has for them.

use std::io;

use engine::runtime::usage::QuotaReached;
use futures_util::stream;
use poem::http::{StatusCode, header};
use poem::{Body, Response};
use serde_json::json;

use crate::budget::Counted;
use crate::mutation::user_error::UserError;
use crate::refusal::{Code, Refusal};

/// Bytes that are handed to the connection at once.
const PIECE: usize = 64 * 1024;

/// An answer in JSON that nobody may keep.
pub(crate) fn json(status: StatusCode, body: impl Into<Body>) -> Response {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CACHE_CONTROL, "no-store")
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .body(body)
}

/// The same for a text that is counted until the connection has taken nearly all of it.
pub(crate) fn counted(status: StatusCode, text: String, counted: Counted) -> Response {
    let Some(counted) = counted else { return json(status, text) };
    let length = text.len();
    let pieces = stream::unfold((text.into_bytes(), 0, counted), |(bytes, sent, counted)| async move {
        let piece = bytes[sent..].iter().take(PIECE).copied().collect::<Vec<u8>>();
        let sent = sent + piece.len();
        (!piece.is_empty()).then_some((Ok::<_, io::Error>(piece), (bytes, sent, counted)))
    });
    let mut response = json(status, Body::from_bytes_stream(pieces));
    response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    response
}

/// A refusal in the shape of a GraphQL answer.
pub(crate) fn refused(refusal: &Refusal) -> Response {
    let status = match refusal.code {
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::BadRequest | Code::TooComplex => StatusCode::BAD_REQUEST,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    };
    with_status(status, refusal)
}

/// The refusal of a request for which a quota is used up, with when to try again.
pub(crate) fn too_many(reached: &QuotaReached) -> Response {
    let refusal = Refusal::new(Code::TooManyRequests, format!("{reached}."));
    let mut response = refused(&refusal);
    if let Some(wait) = reached.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, (wait.as_secs() + 1).into());
    }
    response
}

/// A refusal for which HTTP has a status of its own.
pub(crate) fn with_status(status: StatusCode, refusal: &Refusal) -> Response {
    let error = json!({"message": refusal.message, "extensions": {"code": refusal.code.word()}});
    let mut response = json(status, json!({"errors": [error]}).to_string());
    if status == StatusCode::UNAUTHORIZED {
        let challenge = header::HeaderValue::from_static("Bearer realm=\"ropewalk\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// What somebody must expect to be told of what they sent, in the same shape.
pub(crate) fn with_errors(status: StatusCode, errors: &[UserError]) -> Response {
    let told = |error: &UserError| {
        let extensions = json!({"code": error.code.word(), "path": error.path});
        json!({"message": error.message, "extensions": extensions})
    };
    let errors: Vec<_> = errors.iter().map(told).collect();
    json(status, json!({"errors": errors}).to_string())
}
