//! Why a request is refused as a whole: a closed list of codes, and messages without internal details. The cause is
//! logged here, once.

use std::borrow::Cow;

use async_graphql::{Error, Response, ServerError};
use engine::model::refusal::{Refusal, RefusalCode};
use engine::node::service_error::ServiceError;
use engine::ports::StoreError;
use engine::ports::trouble::Obstacle;

/// The `extensions.code` of an error. Expected refusals of a mutation are no errors: they are `userErrors` in its
/// payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// There is no token, or it is not valid, or not in the named organization.
    Unauthenticated,
    /// The role of the token does not allow it.
    Forbidden,
    /// The request cannot be understood.
    BadRequest,
    /// There is nothing with the named id.
    NotFound,
    /// The request or the answer has too many bytes.
    TooLarge,
    /// The document asks for too much at once.
    TooComplex,
    /// The organization has used up a quota; the message says when to try again.
    TooManyRequests,
    /// The store cannot be used, or the answer took too long; trying again may help.
    Unavailable,
    /// An error of the program; the server's log has the cause.
    Internal,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 9] = [
        Self::Unauthenticated,
        Self::Forbidden,
        Self::BadRequest,
        Self::NotFound,
        Self::TooLarge,
        Self::TooComplex,
        Self::TooManyRequests,
        Self::Unavailable,
        Self::Internal,
    ];

    /// The word in `extensions.code`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::BadRequest => "BAD_REQUEST",
            Self::NotFound => "NOT_FOUND",
            Self::TooLarge => "TOO_LARGE",
            Self::TooComplex => "TOO_COMPLEX",
            Self::TooManyRequests => "TOO_MANY_REQUESTS",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }
}

/// A refusal: its code, and one sentence for the client.
// It has no `Display` on purpose: async-graphql turns everything with a `Display` into an error without a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// The code, for programs.
    pub code: Code,
    /// What is wrong and what to do.
    pub message: Cow<'static, str>,
}

impl ApiError {
    /// A refusal with this message.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }

    /// A request that cannot be understood.
    pub fn bad(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::BadRequest, message)
    }

    /// An error of the program: `cause` is logged and not sent.
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        Self::new(Code::Internal, "The request failed because of an error in the server; its log has the cause.")
    }

    /// The request took too long.
    pub fn too_slow() -> Self {
        Self::new(Code::Unavailable, "The answer took too long; ask for less at once, or try again later.")
    }

    /// Converts it to an error of a GraphQL answer, without a position in the document.
    pub fn into_server_error(self) -> ServerError {
        let mut error = ServerError::new(self.message, None);
        error.extensions = Error::from(Self { code: self.code, message: Cow::Borrowed("") }).extensions;
        error
    }
}

impl From<ApiError> for Error {
    fn from(refusal: ApiError) -> Self {
        let mut error = Self::new(refusal.message);
        error.extensions.get_or_insert_default().set("code", refusal.code.word());
        error
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal.code {
            RefusalCode::Forbidden => Code::Forbidden,
            RefusalCode::Unauthenticated => Code::Unauthenticated,
            RefusalCode::Busy => Code::Unavailable,
            RefusalCode::NotFound => Code::NotFound,
            RefusalCode::QuotaReached => Code::TooManyRequests,
            RefusalCode::Invalid
            | RefusalCode::Conflict
            | RefusalCode::Taken
            | RefusalCode::AlreadyFinished
            | RefusalCode::InUse => Code::BadRequest,
        };
        Self::new(code, refusal.message)
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        let all = error.to_string();
        match error {
            ServiceError::Refused(refusals) => match refusals.into_iter().next() {
                Some(first) => Self { message: Cow::Owned(all), ..first.into() },
                None => Self::bad("The request was refused."),
            },
            ServiceError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let message = match error.obstacle() {
            Obstacle::Away => "The store cannot be reached at the moment; try again.",
            known => known.message(),
        };
        match error {
            StoreError::Unavailable(cause) => {
                tracing::warn!(%cause, "the store is unavailable");
                Self::new(Code::Unavailable, message)
            }
            StoreError::Unreadable(cause) => Self::internal(&cause),
        }
    }
}

/// Gives a code to the errors of async-graphql itself, and removes the text of errors that came from elsewhere.
pub(crate) fn with_codes(mut response: Response) -> Response {
    for error in &mut response.errors {
        if error.extensions.as_ref().is_none_or(|extensions| extensions.get("code").is_none()) {
            *error = coded(error);
        }
    }
    response
}

fn coded(error: &ServerError) -> ServerError {
    // An error has a source if a `?` converted it from another type.
    let refusal = match error.message.as_str() {
        _ if error.source.is_some() => ApiError::internal(error),
        message if is_about_size(message) => ApiError::new(
            Code::TooComplex,
            "The document asks for too much at once; ask for smaller pages or fewer fields.",
        ),
        message => ApiError::bad(message.to_owned()),
    };
    let mut coded = refusal.into_server_error();
    coded.locations.clone_from(&error.locations);
    coded.path.clone_from(&error.path);
    coded
}

/// Whether the error is about a limit of async-graphql, which gives these errors no code.
fn is_about_size(message: &str) -> bool {
    let limits =
        ["Query is too complex.", "Query is nested too deep.", "The recursion depth", "The number of directives"];
    limits.iter().any(|limit| message.starts_with(limit))
}

#[cfg(test)]
mod tests {
    use engine::ports::trouble::Trouble;

    use super::*;

    fn code(error: &ServerError) -> String {
        error.extensions.as_ref().unwrap().get("code").unwrap().to_string()
    }

    #[test]
    fn a_foreign_error_is_sent_without_its_text() {
        let leak = Error::from(std::io::Error::other("/secret/path")).into_server_error(Default::default());
        let sent = with_codes(Response::from_errors(vec![leak])).errors.remove(0);
        assert_eq!(code(&sent), "\"INTERNAL\"");
        assert!(!sent.message.contains("secret"));
    }

    #[test]
    fn an_error_of_validation_keeps_its_text_and_an_own_one_its_code() {
        let unknown = ServerError::new("Unknown field \"jobz\"", None);
        let own = ApiError::new(Code::Forbidden, "no").into_server_error();
        let sent = with_codes(Response::from_errors(vec![unknown, own])).errors;
        assert_eq!((code(&sent[0]).as_str(), sent[0].message.as_str()), ("\"BAD_REQUEST\"", "Unknown field \"jobz\""));
        assert_eq!((code(&sent[1]).as_str(), sent[1].message.as_str()), ("\"FORBIDDEN\"", "no"));
    }

    #[test]
    fn errors_of_the_store_are_not_sent() {
        let away = ApiError::from(StoreError::Unavailable("password=hunter2".into()));
        let broken = ApiError::from(StoreError::Unreadable("row 7".into()));
        assert_eq!((away.code, broken.code), (Code::Unavailable, Code::Internal));
        assert!(!format!("{away:?}{broken:?}").contains("hunter2") && !format!("{broken:?}").contains("row 7"));
    }

    #[test]
    fn a_known_obstacle_is_named() {
        let trouble = Trouble { obstacle: Obstacle::DiskFull, cause: "SQLITE_FULL".into() };
        let full = ApiError::from(StoreError::Unavailable(trouble.into()));
        assert_eq!((full.code, full.message.as_ref()), (Code::Unavailable, Obstacle::DiskFull.message()));
    }
}
