//! Why a request is refused as a whole: a closed list of codes, and sentences that
//! never carry what went on inside. The cause goes to the log, once, here.

use std::borrow::Cow;

use async_graphql::{Error, Response, ServerError};
use engine::ports::StoreError;

/// The `extensions.code` of an error. Expected refusals of a mutation are not
/// errors: they are `userErrors` in its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// No token, or one that is not good, or not good in the organization it named.
    Unauthenticated,
    /// The token's role is too weak.
    Forbidden,
    /// The request is not one that this API understands.
    BadRequest,
    /// What a subscription wants to watch is not there.
    NotFound,
    /// The request has too many bytes.
    TooLarge,
    /// The document asks for too much at once.
    TooComplex,
    /// The organization has used up a quota; the message says when to try again.
    TooManyRequests,
    /// The store is away or the answer took too long; trying again may help.
    Unavailable,
    /// Something failed that should not; the server's log says what.
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

/// A refusal: what kind, and one sentence for whoever sent the request.
// It has no `Display` on purpose: async-graphql turns everything that has one into
// an error without a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What kind.
    pub code: Code,
    /// What is wrong and what to do.
    pub message: Cow<'static, str>,
}

impl Refusal {
    /// A refusal with this sentence.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }

    /// A request that is not understood.
    pub fn bad(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::BadRequest, message)
    }

    /// A failure on our side: `cause` is logged, and nothing of it is answered.
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        Self::new(Code::Internal, "Something failed on the server; its log says what.")
    }

    /// The server cannot answer in time.
    pub fn too_slow() -> Self {
        Self::new(Code::Unavailable, "The answer took too long; ask for less at once, or try again later.")
    }

    /// As an error of a GraphQL answer that has no place in the document.
    pub fn into_server_error(self) -> ServerError {
        let mut error = ServerError::new(self.message, None);
        error.extensions = Error::from(Self { code: self.code, message: Cow::Borrowed("") }).extensions;
        error
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let mut error = Self::new(refusal.message);
        error.extensions.get_or_insert_default().set("code", refusal.code.word());
        error
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(cause) => {
                tracing::warn!(%cause, "the store is unavailable");
                Self::new(Code::Unavailable, "The store cannot be reached at the moment; try again.")
            }
            StoreError::Unreadable(cause) => Self::internal(&cause),
        }
    }
}

/// Gives a code to each error that async-graphql made itself, and takes away the
/// text of any that slipped through from elsewhere.
pub(crate) fn with_codes(mut response: Response) -> Response {
    for error in &mut response.errors {
        if error.extensions.as_ref().is_none_or(|extensions| extensions.get("code").is_none()) {
            *error = coded(error);
        }
    }
    response
}

fn coded(error: &ServerError) -> ServerError {
    // A source means that some error was turned into text by a `?`.
    let refusal = match error.message.as_str() {
        _ if error.source.is_some() => Refusal::internal(error),
        message if is_about_size(message) => Refusal::new(
            Code::TooComplex,
            "The document asks for too much at once; ask for smaller pages or fewer fields.",
        ),
        message => Refusal::bad(message.to_owned()),
    };
    let mut coded = refusal.into_server_error();
    coded.locations.clone_from(&error.locations);
    coded.path.clone_from(&error.path);
    coded
}

/// Whether async-graphql met one of its own limits. It gives them no code, only these words.
fn is_about_size(message: &str) -> bool {
    let limits =
        ["Query is too complex.", "Query is nested too deep.", "The recursion depth", "The number of directives"];
    limits.iter().any(|limit| message.starts_with(limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(error: &ServerError) -> String {
        error.extensions.as_ref().unwrap().get("code").unwrap().to_string()
    }

    #[test]
    fn a_foreign_error_is_told_without_its_text() {
        let leak = Error::from(std::io::Error::other("/secret/path")).into_server_error(Default::default());
        let told = with_codes(Response::from_errors(vec![leak])).errors.remove(0);
        assert_eq!(code(&told), "\"INTERNAL\"");
        assert!(!told.message.contains("secret"));
    }

    #[test]
    fn an_error_of_validation_keeps_its_text_and_an_own_one_its_code() {
        let unknown = ServerError::new("Unknown field \"jobz\"", None);
        let own = Refusal::new(Code::Forbidden, "no").into_server_error();
        let told = with_codes(Response::from_errors(vec![unknown, own])).errors;
        assert_eq!((code(&told[0]).as_str(), told[0].message.as_str()), ("\"BAD_REQUEST\"", "Unknown field \"jobz\""));
        assert_eq!((code(&told[1]).as_str(), told[1].message.as_str()), ("\"FORBIDDEN\"", "no"));
    }

    #[test]
    fn the_store_never_speaks_for_itself() {
        let away = Refusal::from(StoreError::Unavailable("password=hunter2".into()));
        let broken = Refusal::from(StoreError::Unreadable("row 7".into()));
        assert_eq!((away.code, broken.code), (Code::Unavailable, Code::Internal));
        assert!(!format!("{away:?}{broken:?}").contains("hunter2") && !format!("{broken:?}").contains("row 7"));
    }
}
