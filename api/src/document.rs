//! Limits that a GraphQL document must stay within.
//!
//! To validate a document, async-graphql may need time and memory that grow with the square of its size, or
//! exponentially with its fragments: 733 bytes could cost seconds. So tokens are counted before a document is parsed,
//! and the parsed document is measured before it is validated.

mod cache;
mod size;
mod tokens;

use async_graphql::parser::{self, types::ExecutableDocument};
use async_graphql::{Pos, ServerError};

use crate::error::{ApiError, Code};

pub(crate) use cache::ParsedDocuments;

/// The limits of one document. A string counts as one token, no matter how long it is.
#[derive(Debug, Clone, Copy)]
pub struct DocumentLimits {
    /// Bytes of the text.
    pub bytes: usize,
    /// Names, punctuation, numbers and strings.
    pub tokens: usize,
    /// Nested brackets.
    pub brackets: usize,
    /// Operations and fragments.
    pub definitions: usize,
    /// Fields, fragments and spreads, as written.
    pub selections: usize,
    /// The same, with all fragments expanded.
    pub expanded: usize,
    /// Fields with an alias.
    pub aliases: usize,
    /// Directives, anywhere.
    pub directives: usize,
    /// Nested fields.
    pub depth: usize,
    /// Nested fields below `__schema` and `__type`.
    pub schema_depth: usize,
    /// Nested lists of the schema (fields of types of fields of …).
    pub schema_lists: usize,
}

/// The limits of the server. The largest document that tools are known to send, the introspection of the whole schema,
/// fits twice.
pub const DOCUMENT_LIMITS: DocumentLimits = DocumentLimits {
    bytes: 512 * 1024,
    tokens: 10_000,
    brackets: 64,
    definitions: 50,
    selections: 1_000,
    expanded: 2_000,
    aliases: 100,
    directives: 50,
    depth: 10,
    schema_depth: 20,
    schema_lists: 2,
};

/// Parses a document within the limits.
///
/// # Errors
/// Names the limit that it exceeds (`TOO_LARGE`, `TOO_COMPLEX`), or where it cannot be parsed (`BAD_REQUEST`).
pub fn read(text: &str, limits: &DocumentLimits) -> Result<ExecutableDocument, ServerError> {
    refuse_above("bytes", text.len(), limits.bytes, Code::TooLarge)?;
    let counted = tokens::count(text);
    too_complex("tokens", counted.tokens, limits.tokens)?;
    too_complex("nested brackets", counted.depth, limits.brackets)?;
    let document = parser::parse_query(text).map_err(unreadable)?;
    measure(&document, limits)?;
    Ok(document)
}

fn measure(document: &ExecutableDocument, limits: &DocumentLimits) -> Result<(), ServerError> {
    let definitions = document.operations.iter().len() + document.fragments.len();
    too_complex("operations and fragments", definitions, limits.definitions)?;
    let written = size::written(document);
    too_complex("fields and spreads", written.selections, limits.selections)?;
    too_complex("aliases", written.aliases, limits.aliases)?;
    too_complex("directives", written.directives, limits.directives)?;
    let size = size::expanded(document).map_err(ApiError::into_server_error)?;
    too_complex("fields, with all fragments expanded,", size.selections, limits.expanded)?;
    too_complex("nested fields", size.depth, limits.depth)?;
    too_complex("nested fields of the schema", size.schema_depth, limits.schema_depth)?;
    too_complex("nested lists of the schema", size.schema_lists, limits.schema_lists)
}

fn too_complex(what: &str, is: usize, most: usize) -> Result<(), ServerError> {
    refuse_above(what, is, most, Code::TooComplex)
}

fn refuse_above(what: &str, is: usize, most: usize, code: Code) -> Result<(), ServerError> {
    if is <= most {
        return Ok(());
    }
    Err(ApiError::new(code, format!("The document has more than {most} {what}; at most {most} are allowed."))
        .into_server_error())
}

fn unreadable(error: parser::Error) -> ServerError {
    let positions: Vec<Pos> = error.positions().collect();
    let mut refused = ApiError::bad(format!("The document cannot be parsed: {error}")).into_server_error();
    refused.locations = positions;
    refused
}

#[cfg(test)]
mod tests;
