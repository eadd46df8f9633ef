//! Answers in JSON, and refusals with the status that HTTP has for them.

use poem::http::{StatusCode, header};
use poem::{Body, Response};
use serde_json::json;

use crate::mutation::user_error::UserError;
use crate::refusal::{Code, Refusal};

/// An answer in JSON that nobody may keep.
pub(crate) fn json(status: StatusCode, body: impl Into<Body>) -> Response {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CACHE_CONTROL, "no-store")
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .body(body)
}

/// A refusal in the shape of a GraphQL answer.
pub(crate) fn refused(refusal: &Refusal) -> Response {
    let status = match refusal.code {
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::BadRequest | Code::TooComplex => StatusCode::BAD_REQUEST,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    };
    with_status(status, refusal)
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
