//! Answers in JSON, and refusals with their HTTP status.

use std::io;

use futures_util::stream;
use poem::http::{StatusCode, header};
use poem::{Body, Response};
use serde_json::json;

use engine::model::refusal::Refusal;

use crate::budget::UnsentBytes;
use crate::error::{ApiError, Code};
use crate::user_error::UserError;

/// How many bytes are handed to the connection at a time.
const PIECE: usize = 64 * 1024;

/// An answer in JSON that must not be cached.
pub(crate) fn json(status: StatusCode, body: impl Into<Body>) -> Response {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CACHE_CONTROL, "no-store")
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .body(body)
}

/// The same for an answer that counts as unsent until the connection has taken nearly all of it.
pub(crate) fn counted(status: StatusCode, text: String, unsent: UnsentBytes) -> Response {
    let Some(unsent) = unsent else { return json(status, text) };
    let length = text.len();
    let pieces = stream::unfold((text.into_bytes(), 0, unsent), |(bytes, sent, unsent)| async move {
        let piece = bytes[sent..].iter().take(PIECE).copied().collect::<Vec<u8>>();
        let sent = sent + piece.len();
        (!piece.is_empty()).then_some((Ok::<_, io::Error>(piece), (bytes, sent, unsent)))
    });
    let mut response = json(status, Body::from_bytes_stream(pieces));
    response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    response
}

/// A refusal in the shape of a GraphQL answer.
pub(crate) fn refused(refusal: &ApiError) -> Response {
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

/// The refusal of a request because a quota is used up, with the time after which to try again.
pub(crate) fn too_many(quota_reached: &Refusal) -> Response {
    let mut response = refused(&ApiError::from(quota_reached.clone()));
    if let Some(wait) = quota_reached.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, (wait.as_secs() + 1).into());
    }
    response
}

/// A refusal with this HTTP status.
pub(crate) fn with_status(status: StatusCode, refusal: &ApiError) -> Response {
    let error = json!({"message": refusal.message, "extensions": {"code": refusal.code.word()}});
    let mut response = json(status, json!({"errors": [error]}).to_string());
    if status == StatusCode::UNAUTHORIZED {
        let challenge = header::HeaderValue::from_static("Bearer realm=\"ropewalk\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// Refusals of what the client sent, in the same shape.
pub(crate) fn with_errors(status: StatusCode, errors: &[UserError]) -> Response {
    let error = |error: &UserError| {
        let extensions = json!({"code": error.code.word(), "path": error.path});
        json!({"message": error.message, "extensions": extensions})
    };
    let errors: Vec<_> = errors.iter().map(error).collect();
    json(status, json!({"errors": errors}).to_string())
}
